package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"testing"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

func TestExitCodes(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, c := range []struct {
		err  error
		code int
	}{
		{errors.New("disk is full"), exitFailed},
		{&wire.Error{Code: "AT0011", Text: "Exception: broken"}, exitFailed},
		{&wire.Error{Text: "without a code"}, exitFailed},
		{&wire.Error{Code: "AT0012", Text: "Inbound connection limit exceeded"}, exitFailed},
		{&fs.PathError{Op: "open", Path: "ca.pem", Err: fs.ErrNotExist}, exitFailed},
		{atauth.ErrOnboarded, exitFailed},
		{usageError{errors.New("wrong")}, exitUsage},
		{notFoundError{errNoValue}, exitNotFound},
		{&wire.Error{Code: "AT0015", Text: "key not found : x does not exist in keystore"}, exitNotFound},
		{&wire.Error{Code: "AT0401", Text: "Exception: pkam authentication failed"}, exitUnauthorised},
		{&wire.Error{Code: "AT0009", Text: "UnAuthorized client in request : no"}, exitUnauthorised},
		{&wire.Error{Code: "AT0025", Text: "enrollment_id: x is denied"}, exitUnauthorised},
		{&wire.Error{Code: "AT0026", Text: "enrollment_id: x is pending"}, exitUnauthorised},
		{&wire.Error{Code: "AT0027", Text: "enrollment_id: x is revoked"}, exitUnauthorised},
		{atauth.ErrPassphrase, exitUnauthorised},
		{atauth.ErrPasscode, exitUnauthorised},
		{atauth.ErrDenied, exitUnauthorised},
		{atauth.ErrRevoked, exitUnauthorised},
		{atauth.ErrExpired, exitUnauthorised},
		{errUndecided, exitUnauthorised},
		{atauth.ErrHandOver, exitFailed},
		{atauth.ErrNotOnboarded, exitFailed},
		{context.Canceled, exitFailed},
		{errNotApproved, exitFailed},
		{errUnreachable, exitUnreachable},
		{refused, exitUnreachable},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, exitUnreachable},
		{&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}}, exitUnreachable},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, exitUnreachable},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, exitUnreachable},
		{wire.ErrNoAddress, exitUnreachable},
		{context.DeadlineExceeded, exitUnreachable},
		{io.ErrUnexpectedEOF, exitUnreachable},
	} {
		if code, _ := explain(fmt.Errorf("while trying: %w", c.err)); code != c.code {
			t.Errorf("%v: exit code %d, want %d", c.err, code, c.code)
		}
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	var errs bytes.Buffer
	con := &console.Console{Err: &errs}
	if code := fail(con, nil); code != 0 || errs.Len() != 0 {
		t.Errorf("nothing: %d, %q", code, errs.String())
	}
	fail(con, fmt.Errorf("first\nsecond\x1b[2J: %w", wire.ErrNoAddress))
	if text := strings.TrimSuffix(errs.String(), "\n"); strings.ContainsAny(text, "\n\x1b") || !strings.Contains(text, "--server") {
		t.Errorf("printed %q", text)
	}
}

func TestErrorsAreColoured(t *testing.T) {
	var errs bytes.Buffer
	fail(&console.Console{Err: &errs, Alarm: true}, usageError{errNoValue})
	if !strings.HasPrefix(errs.String(), "\x1b[31matctl:\x1b[0m ") {
		t.Errorf("error %q", errs.String())
	}
}
