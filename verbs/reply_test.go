package verbs

import (
	"errors"
	"strings"
	"testing"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// TestShapes is the matrix of protocol auth §1.5 and §2: who gets which text, in
// which shape, with which prompt.
func TestShapes(t *testing.T) {
	sessions := map[string]*Session{
		"stranger":          {Principal: enroll.Principal{Kind: enroll.Anonymous}},
		"stranger, JSON":    {Principal: enroll.Principal{Kind: enroll.Anonymous}, jsonError: true},
		"peer":              {Principal: enroll.Principal{Kind: enroll.Peer, Sign: "@bob"}},
		"CRAM":              {Principal: enroll.Principal{Kind: enroll.CRAM, Sign: "@alice"}},
		"app":               {Principal: enroll.Principal{Kind: enroll.App, Sign: "@alice", Enrollment: "1"}},
		"app, JSON":         {Principal: enroll.Principal{Kind: enroll.App, Sign: "@alice", Enrollment: "1"}, jsonError: true},
		"app, emoji atSign": {Principal: enroll.Principal{Kind: enroll.App, Sign: "@🦄", Enrollment: "1"}},
	}
	missing := notFound("x@alice")
	pending := turnedAway(&enroll.StateError{Enrollment: "7c", Status: enroll.Pending})
	for _, c := range []struct {
		who                     string
		success, failure, state string
	}{
		{"stranger", "data:v\n@", "error:AT0015-Exception: x@alice does not exist in keystore\n@", "error:AT0026:enrollment_id: 7c is pending\n@"},
		{"stranger, JSON", "data:v\n@", `error:{"errorCode":"AT0015","errorDescription":"Exception: x@alice does not exist in keystore"}` + "\n@", "error:AT0026:enrollment_id: 7c is pending\n@"},
		{"peer", "data:v\n@bob@", "error:AT0015-Exception: x@alice does not exist in keystore\n@", "error:AT0026:enrollment_id: 7c is pending\n@bob@"},
		{"CRAM", "data:v\n@alice@", "error:AT0015-key not found : x@alice does not exist in keystore\n@alice@", "error:AT0026:enrollment_id: 7c is pending\n@alice@"},
		{"app", "data:v\n@alice@", "error:AT0015-key not found : x@alice does not exist in keystore\n@alice@", "error:AT0026:enrollment_id: 7c is pending\n@alice@"},
		{"app, JSON", "data:v\n@alice@", `error:{"errorCode":"AT0015","errorDescription":"key not found : x@alice does not exist in keystore"}` + "\n@alice@", "error:AT0026:enrollment_id: 7c is pending\n@alice@"},
		{"app, emoji atSign", "data:v\n@🦄@", "error:AT0015-key not found : x@alice does not exist in keystore\n@🦄@", "error:AT0026:enrollment_id: 7c is pending\n@🦄@"},
	} {
		s := sessions[c.who]
		for want, answer := range map[string]struct {
			reply Reply
			err   error
		}{c.success: {text("v"), nil}, c.failure: {Reply{}, missing}, c.state: {Reply{}, pending}} {
			got, end := s.Append([]byte("before"), answer.reply, answer.err)
			if string(got) != "before"+want || end {
				t.Errorf("%s\n got %q, ends %v\nwant %q", c.who, got, end, "before"+want)
			}
		}
	}
}

func TestAppendReplies(t *testing.T) {
	s := NewSession("192.0.2.7")
	for _, c := range []struct {
		reply Reply
		want  string
		end   bool
	}{
		{text("null"), "data:null\n@", false},
		{text("data:x"), "data:x\n@", false},
		{number(-1), "data:-1\n@", false},
		{number(42), "data:42\n@", false},
		{text(""), "data:\n@", false},
		{text("two\nlines"), "data:two lines\n@", false},
		{Reply{Mute: true}, "", false},
		{Reply{Mute: true, End: true}, "", true},
		{Reply{Data: []byte("bye"), End: true}, "data:bye\n@", true},
	} {
		if got, end := s.Append(nil, c.reply, nil); string(got) != c.want || end != c.end {
			t.Errorf("%+v: %q, %v", c.reply, got, end)
		}
	}
}

// TestErrorsOnTheWire: every failure has a code, says nothing of its cause to
// anybody, has a colon, which clients split at, and is one line.
func TestErrorsOnTheWire(t *testing.T) {
	secret := errors.New("open /data/db/000001.vlog: input/output error\nhttps://example.org")
	owner := &Session{Principal: enroll.Principal{Kind: enroll.App, Sign: "@alice", Enrollment: "1"}}
	refusal := &enroll.Refusal{Principal: owner.Principal, Need: enroll.ToRead(key("x.wavi@alice"))}
	_, sign := atkey.ParseSign("@a@b")
	overflow := "InboundBuffer overflow: server received request which exceeded the buffer size limit of 10240000 bytes. Terminating the connection."
	for _, c := range []struct {
		err      error
		stranger string // up to the LF
		owner    string
		end      bool
	}{
		{invalidCommand(), "AT0003-Exception: invalid command", "AT0003-Invalid syntax : invalid command", false},
		{refusal, "AT0009-Exception: Connection with enrollment ID 1 is not authorized to  key: x.wavi@alice", "", false},
		{&enroll.ArgumentError{Reason: "bad"}, "AT0022-Exception: bad", "AT0022-Illegal arguments : bad", false},
		{&enroll.TransitionError{From: enroll.Approved, Op: enroll.Deny}, "", "AT0032-Illegal state : cannot deny: the enrollment is approved", false},
		{enroll.ErrStranded, "", "AT0032-Illegal state : nobody could log in as the owner any more", false},
		{sign, "AT0011-Exception: invalid @sign: Cannot Contain more than one @ character",
			"AT0011-Internal server exception : invalid @sign: Cannot Contain more than one @ character", true},
		{wire.ErrNotText, "AT0003-Exception: a command is UTF-8 text without NUL and CR", "", false},
		{wire.ErrLineTooLong, "AT0005-Exception: " + overflow, "AT0005-Buffer limit exceeded : " + overflow, true},
		{malformed("clientConfig"), "AT0011-Exception: Exception: clientConfig is malformed", "AT0011-Internal server exception : Exception: clientConfig is malformed", true},
		{ErrPanic, "AT0011-Exception: Exception: internal failure", "AT0011-Internal server exception : Exception: internal failure", true},
		{secret, "AT0011-Exception: Exception: internal failure", "AT0011-Internal server exception : Exception: internal failure", true},
		{store.ErrClosed, "AT0011-Exception: Exception: internal failure", "AT0011-Internal server exception : Exception: internal failure", true},
		{ErrPeerCertificate, "AT0401-Exception: Certificate Verification Failed", "AT0401-Client authentication failed : Certificate Verification Failed", false},
		{ErrNoAddress("@bob"), "AT0007-Exception: Unable to find secondary address for atSign:@bob", "", false},
		{ErrNoConnection("@bob", "b:1"), "", "AT0004-Socket error : no connection to the server of @bob at b:1", false},
		{ErrOutboundFull, "", "AT0006-Outbound connection limit exceeded : max limit reached on outbound pool", false},
		{ErrHandshake("@bob"), "", "AT0008-Handshake failure : from and pol with the server of @bob failed", false},
		{ErrSilent("@bob", "b:1", "10000"), "", "AT0023-Timeout waiting for response : No response after 10000 millis from remote secondary @bob at b:1", false},
		{&wire.Error{Code: "AT0015", Text: "Exception: x"}, "AT0015-Exception: Exception: x", "AT0015-key not found : Exception: x", false},
		{&wire.Error{Code: "AT9999", Text: "x"}, "", "AT0011-Internal server exception : Unexpected response from the other server", false},
		{&wire.Error{Text: "x"}, "", "AT0011-Internal server exception : Unexpected response from the other server", false},
		{&enroll.StateError{Enrollment: "7c", Status: enroll.Denied}, "AT0025:The enrollment id: 7c is denied. Closing the connection", "", true},
		{&enroll.StateError{Enrollment: "7c", Status: enroll.Pending}, "", "AT0026:The enrollment id: 7c is pending. Closing the connection", true},
		{&enroll.StateError{Enrollment: "7c", Status: enroll.Revoked}, "", "AT0027:The enrollment id: 7c is revoked. Closing the connection", true},
		{&enroll.StateError{Enrollment: "7c", Status: enroll.Expired}, "", "AT0028:The enrollment id: 7c is expired. Closing the connection", true},
	} {
		for _, way := range []error{c.err, wrapped{c.err}} {
			for s, want := range map[*Session]string{NewSession(""): c.stranger, owner: c.owner} {
				sent, end := s.Append(nil, Reply{}, way)
				line, prompt, _ := strings.Cut(string(sent), "\n")
				if want != "" && line != "error:"+want || end != c.end {
					t.Errorf("%v\n got %q, ends %v\nwant %q", c.err, line, end, want)
				}
				if !strings.Contains(line[len("error:AT0000-"):]+line[12:13], ":") || strings.Contains(prompt, "\n") ||
					strings.Contains(line, "example.org") || strings.Contains(line, "data:") {
					t.Errorf("%q", sent)
				}
			}
			if Outcome(way) == "ok" || !strings.HasPrefix(Outcome(way), "AT0") {
				t.Errorf("outcome of %v is %s", way, Outcome(way))
			}
		}
	}
	if Outcome(nil) != "ok" {
		t.Errorf("no error is %s", Outcome(nil))
	}
}

// wrapped is an error on its way up.
type wrapped struct{ error }

func (w wrapped) Error() string { return "doing this: " + w.error.Error() }
func (w wrapped) Unwrap() error { return w.error }

// TestTurnedAway: the refusals of a login by state (protocol auth §2.6).
func TestTurnedAway(t *testing.T) {
	for status, want := range map[enroll.Status]string{
		enroll.Denied:  "error:AT0025:enrollment_id: 7c is denied\n@",
		enroll.Pending: "error:AT0026:enrollment_id: 7c is pending\n@",
		enroll.Revoked: "error:AT0027:enrollment_id: 7c is revoked\n@",
		enroll.Expired: "error:AT0028:enrollment_id: 7c is expired or invalid\n@",
	} {
		s := NewSession("")
		s.jsonError = true
		if got, end := s.Append(nil, Reply{}, turnedAway(&enroll.StateError{Enrollment: "7c", Status: status})); string(got) != want || end {
			t.Errorf("%q, ends %v; want %q", got, end, want)
		}
	}
}
