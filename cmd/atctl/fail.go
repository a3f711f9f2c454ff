package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"atserver/verbs/wire"
)

// The exit codes, see the package comment.
const (
	exitFailed       = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitUnauthorised = 4
	exitUnreachable  = 5
)

type (
	// usageError is a mistake of the caller.
	usageError struct{ error }
	// notFoundError says that a record, or its value, is not there.
	notFoundError struct{ error }
)

func (e usageError) Unwrap() error    { return e.error }
func (e notFoundError) Unwrap() error { return e.error }

// fail reports err in one line and returns the exit code for it, 0 for nil.
func fail(con *console.Console, err error) int {
	if err == nil {
		return 0
	}
	code, hint := explain(err)
	if hint != "" {
		hint = "; " + hint
	}
	fmt.Fprintf(con.Err, "%s %s%s\n", console.Paint(con.Alarm, console.Red, "atctl:"), console.Plain(err.Error()), hint)
	return code
}

// explain returns the exit code for an error, and what to do about it where the
// error does not say that itself.
func explain(err error) (code int, hint string) {
	var (
		untrusted x509.UnknownAuthorityError
		wrongHost x509.HostnameError
		invalid   *tls.CertificateVerificationError
		noTLS     tls.RecordHeaderError
		network   *net.OpError
	)
	switch {
	case errors.As(err, new(usageError)):
		return exitUsage, ""
	case errors.As(err, new(notFoundError)):
		return exitNotFound, ""
	case atauth.NotFound(err):
		return exitNotFound, "atctl scan lists what there is"
	case errors.Is(err, atauth.ErrPassphrase):
		return exitUnauthorised, "try again"
	case errors.Is(err, atauth.ErrPasscode):
		return exitUnauthorised, "the owner makes a new one with atctl otp"
	case errors.Is(err, atauth.ErrExpired):
		return exitUnauthorised, "ask again, with a new passcode"
	case errors.Is(err, errUndecided):
		return exitUnauthorised, "run the same command again to go on waiting"
	case errors.Is(err, atauth.ErrDenied), errors.Is(err, atauth.ErrRevoked), errors.Is(err, errNotAll):
		return exitUnauthorised, ""
	case atauth.Refused(err):
		return exitUnauthorised, "the server does not accept these keys or this secret for that"
	case errors.Is(err, context.Canceled):
		return exitFailed, "it was interrupted"
	case errors.Is(err, errNotYet):
		return exitUnreachable, ""
	case errors.Is(err, errUnreachable):
		return exitUnreachable, "run the same command again to go on waiting"
	case errors.As(err, &untrusted):
		return exitUnreachable, "name the certificate of the server's CA with --ca, or --source-ca, if you have it from a source you trust"
	case errors.As(err, &wrongHost):
		return exitUnreachable, "use the name that the certificate is for"
	case errors.Is(err, wire.ErrNoAddress):
		return exitUnreachable, "check the spelling and --root, or name the server with --server"
	case errors.Is(err, context.DeadlineExceeded):
		return exitUnreachable, "the server took too long, see --timeout"
	case errors.As(err, &invalid):
		return exitUnreachable, "the server needs another certificate"
	case errors.As(err, &network), errors.As(err, &noTLS), errors.Is(err, io.ErrUnexpectedEOF):
		return exitUnreachable, "check --server or --root, and that the server runs"
	}
	return exitFailed, ""
}
