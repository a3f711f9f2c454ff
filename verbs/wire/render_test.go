package wire

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrompt(t *testing.T) {
	for sign, want := range map[string]string{"": "@", "@alice": "@alice@", "@🦄": "@🦄@"} {
		if got := Prompt(sign); got != want {
			t.Errorf("Prompt(%q) = %q, want %q", sign, got, want)
		}
	}
}

func TestAppendReply(t *testing.T) {
	tests := []struct{ payload, prompt, want string }{
		{"ok", "@", "data:ok\n@"},
		{"success", "@alice@", "data:success\n@alice@"},
		{"null", "@bob@", "data:null\n@bob@"},
		{"", "@", "data:\n@"},
		{"data:proof:_s@bob:c", "@", "data:proof:_s@bob:c\n@"},
		{"data: {\"a\":1}", "@alice@", "data: {\"a\":1}\n@alice@"},
		{"dat", "@", "data:dat\n@"},
		{" data:x", "@", "data: data:x\n@"},
		{"DATA:x", "@", "data:DATA:x\n@"},
		{"ok", "", "data:ok\n"},
		{"a\nerror:AT0003-b\n\n", "@", "data:a error:AT0003-b  \n@"},
		{"data:a\nb", "@", "data:a b\n@"},
		{"ü🦄\"<&>", "@", "data:ü🦄\"<&>\n@"},
	}
	for _, test := range tests {
		if got := string(AppendReply(nil, test.payload, test.prompt)); got != test.want {
			t.Errorf("AppendReply(%q, %q) = %q, want %q", test.payload, test.prompt, got, test.want)
		}
		payload := []byte(test.payload)
		if got := string(AppendReply([]byte("before"), payload, test.prompt)); got != "before"+test.want {
			t.Errorf("AppendReply(before, %q) = %q", test.payload, got)
		}
		if string(payload) != test.payload {
			t.Errorf("payload %q was changed to %q", test.payload, payload)
		}
	}
}

func TestAppendError(t *testing.T) {
	tests := []struct {
		shape              Shape
		code, text, prompt string
		want               string
	}{
		{Dash, "AT0003", "Exception: invalid command", "@", "error:AT0003-Exception: invalid command\n@"},
		{Dash, "AT0003", "Invalid syntax : invalid command", "@alice@", "error:AT0003-Invalid syntax : invalid command\n@alice@"},
		{Dash, "AT0012", Text("AT0012"), "", "error:AT0012-Inbound connection limit exceeded\n"},
		{Dash, "AT0003", "a\nb\r\nc\rd", "@", "error:AT0003-a b c d\n@"},
		{Dash, "AT0003", "no data:success here", "@", "error:AT0003-no data :success here\n@"},
		{Colon, "AT0026", "enrollment_id: 1 is pending", "@", "error:AT0026:enrollment_id: 1 is pending\n@"},
		{JSON, "AT0015", "Exception: k does not exist", "@",
			`error:{"errorCode":"AT0015","errorDescription":"Exception: k does not exist"}` + "\n@"},
		{JSON, "AT0003", "<a> & \"b\" \\ c\td\ne\x01\x1f ü🦄\u2028", "@alice@",
			`error:{"errorCode":"AT0003","errorDescription":"<a> & \"b\" \\ c\td e\u0001\u001f ü🦄` + "\u2028" + `"}` + "\n@alice@"},
		{JSON, "AT0003", "\xff data:", "@", `error:{"errorCode":"AT0003","errorDescription":"` + "\ufffd" + ` data :"}` + "\n@"},
	}
	for _, test := range tests {
		got := string(AppendError([]byte("before"), test.shape, test.code, test.text, test.prompt))
		if got != "before"+test.want {
			t.Errorf("AppendError(%d, %q) = %q, want %q", test.shape, test.text, got, test.want)
		}
	}
}

func FuzzAppendError(f *testing.F) {
	for _, text := range []string{"", "Exception: invalid command", "a\nb", "\"\\\x00\x1f\xff🦄", "data:data:", "da\nta:", "{}", "-:"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, shape := range []Shape{Dash, JSON, Colon} {
			got := AppendError(nil, shape, "AT0003", text, "@alice@")
			line, ok := bytes.CutSuffix(got, []byte("\n@alice@"))
			if !ok || bytes.ContainsAny(line, "\n\r") || bytes.Contains(line, []byte("data:")) {
				t.Fatalf("%q rendered as %q", text, got)
			}
			if shape != JSON {
				continue
			}
			var body map[string]string
			if err := json.Unmarshal(line[len("error:"):], &body); err != nil || len(body) != 2 {
				t.Fatalf("%q rendered as %s: %v", text, line, err)
			}
			if utf8.ValidString(text) && body["errorDescription"] != safe.Replace(text) {
				t.Fatalf("%q came back as %q", text, body["errorDescription"])
			}
		}
	})
}

func TestTail(t *testing.T) {
	const prompt = "\n@alice@"
	for _, n := range []int{0, 8, 16383, 16384, 16385, 16390, 32767, 32768, 32769, 100_000, MaxLine} {
		cut := Tail(n)
		last := (n-cut-1)%maxRecord + 1 // what the last TLS record of the last write carries
		switch {
		case cut < 0 || cut > n || n-cut > maxRecord:
			t.Errorf("Tail(%d) = %d", n, cut)
		case n <= maxRecord && cut != 0:
			t.Errorf("Tail(%d) = %d, a second record for nothing", n, cut)
		case n > maxRecord && last < len(prompt):
			t.Errorf("Tail(%d) = %d leaves %d bytes in the last record", n, cut, last)
		}
		records := func(n int) int { return (n + maxRecord - 1) / maxRecord }
		if records(cut)+records(n-cut) != records(n) {
			t.Errorf("Tail(%d) = %d costs a record", n, cut)
		}
	}
}

func TestText(t *testing.T) {
	tests := map[string]string{
		"AT0003": "Invalid syntax",
		"AT0015": "key not found",
		"AT0032": "Illegal state",
		"AT0401": "Client authentication failed",
		"AT9999": "",
		"":       "",
	}
	for code, want := range tests {
		if got := Text(code); got != want {
			t.Errorf("Text(%q) = %q, want %q", code, got, want)
		}
	}
	if len(texts) != 29 {
		t.Errorf("the table has %d codes, the protocol 29", len(texts))
	}
	for code, text := range texts {
		if !isCode(code) || text == "" || strings.ContainsAny(text, "\n:") {
			t.Errorf("%q: %q", code, text)
		}
	}
}

func BenchmarkAppendReply(b *testing.B) {
	dst := make([]byte, 0, 256)
	payload := strings.Repeat("v", 100)
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendReply(dst[:0], payload, "@alice@")
	}
}
