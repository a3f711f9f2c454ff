package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestParseReply(t *testing.T) {
	tests := []struct{ line, want string }{
		{"data:ok", "ok"},
		{"data:", ""},
		{"data:null", "null"},
		{"data: {\"a\":1}", " {\"a\":1}"},
		{"data:data:x", "data:x"},
		{"data:error:AT0003-x", "error:AT0003-x"},
		{"data:ok\r", "ok"},
		{"@data:ok", "ok"},
		{"@@data:ok", "ok"},
		{"@alice@data:ok", "ok"},
		{"@@alice@data:ok", "ok"},
		{"@🦄@data:ok", "ok"},
		{"@data@data:a@data:b", "a@data:b"},
		{"@alice@data:proof:_s@bob:c", "proof:_s@bob:c"},
		{"@bob@", "@bob@"},
		{"@@bob@", "@bob@"},
		{"@🦄@", "@🦄@"},
	}
	for _, test := range tests {
		if got, err := ParseReply(test.line); got != test.want || err != nil {
			t.Errorf("ParseReply(%q) = %q, %v; want %q", test.line, got, err, test.want)
		}
	}
}

func TestParseReplyErrors(t *testing.T) {
	tests := []struct {
		line string
		want Error
	}{
		{"error:AT0003-Exception: invalid command", Error{"AT0003", "Exception: invalid command"}},
		{"@alice@error:AT0015-key not found : x-y:z", Error{"AT0015", "key not found : x-y:z"}},
		{"error:AT0026:enrollment_id: 1 is pending", Error{"AT0026", "enrollment_id: 1 is pending"}},
		{`error:{"errorCode":"AT0009","errorDescription":"a \"b\" - c"}`, Error{"AT0009", `a "b" - c`}},
		{`error:{"errorCode":"AT0009","errorDescription":"a"}` + "\r", Error{"AT0009", "a"}},
		{`error:{"errorCode":`, Error{"", `{"errorCode":`}},
		{`error:{"errorCode":3}`, Error{"", `{"errorCode":3}`}},
		{"error:AT0012", Error{"AT0012", ""}},
		{"error:AT0012- padded ", Error{"AT0012", "padded"}},
		{"error:SocketException: gone", Error{"", "SocketException: gone"}},
		{"error:AT-x", Error{"", "AT-x"}},
		{"error:AT00x3-y", Error{"", "AT00x3-y"}},
		{"error:something", Error{"", "something"}},
		{"error:", Error{}},
	}
	for _, test := range tests {
		payload, err := ParseReply(test.line)
		var reply *Error
		if payload != "" || !errors.As(err, &reply) || *reply != test.want {
			t.Errorf("ParseReply(%q) = %q, %#v; want %#v", test.line, payload, err, test.want)
		}
	}
}

func TestParseReplyUnexpected(t *testing.T) {
	for _, line := range []string{"", "@", "@@", "hello", "@hello", "bob@", "@a b@", "alice@data:x", "x data:ok", "Data:ok",
		"notification: {}", "@alice@notification: {}", "HTTP/1.1 400 Bad Request", "@a:b@"} {
		if payload, err := ParseReply(line); payload != "" || err != ErrUnexpected {
			t.Errorf("ParseReply(%q) = %q, %v", line, payload, err)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]Error{
		"AT0015: key not found": {"AT0015", "key not found"},
		"error reply: whatever": {"", "whatever"},
	} {
		if e.Error() != want {
			t.Errorf("got %q, want %q", e.Error(), want)
		}
	}
}

// What the server half renders, the client half reads.
func TestRenderedRepliesParse(t *testing.T) {
	for _, prompt := range []string{"@", "@alice@", "@🦄@"} {
		for _, payload := range []string{"ok", "", "@bob@", "error:x", strings.Repeat("x", 20_000)} {
			line, _, _ := strings.Cut(string(AppendReply([]byte(prompt), payload, prompt)), "\n")
			if got, err := ParseReply(line); got != payload || err != nil {
				t.Errorf("%q came back as %q, %v", payload, got, err)
			}
		}
		for _, shape := range []Shape{Dash, JSON, Colon} {
			line, _, _ := strings.Cut(string(AppendError([]byte(prompt), shape, "AT0003", `a "b": c - d`, prompt)), "\n")
			var reply *Error
			if _, err := ParseReply(line); !errors.As(err, &reply) || *reply != (Error{"AT0003", `a "b": c - d`}) {
				t.Errorf("%q came back as %v", line, err)
			}
		}
	}
}

func FuzzParseReply(f *testing.F) {
	for _, seed := range []string{"", "data:ok", "@alice@data:", "@@bob@", "@", "error:AT0003-x", "error:AT0025:x", `error:{"errorCode":"AT0001","errorDescription":"x"}`,
		"error:{", "notification: {}", "@a@b@c@data:x", "@data:@data:", "error:AT", "\xff@", "@\x00@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		payload, err := ParseReply(line)
		if err != nil {
			var reply *Error
			if payload != "" || !errors.As(err, &reply) && err != ErrUnexpected {
				t.Fatalf("ParseReply(%q) = %q, %v", line, payload, err)
			}
			return
		}
		if !strings.Contains(line, payload) {
			t.Fatalf("ParseReply(%q) invented %q", line, payload)
		}
		again, err := ParseReply("@alice@" + line)
		if err != nil || again != payload {
			t.Fatalf("a prompt in front of %q changes %q to %q, %v", line, payload, again, err)
		}
	})
}
