package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestLookupDirectory(t *testing.T) {
	tests := []struct {
		reply, want string
		err         error
	}{
		{"vip.ve.atsign.zone:25000\r\n@", "vip.ve.atsign.zone:25000", nil},
		{"127.0.0.1:6401\n@", "127.0.0.1:6401", nil},
		{"@localhost:1\r\n", "localhost:1", nil},
		{"null\r\n@", "", ErrNoAddress},
		{"@null\r\n@", "", ErrNoAddress},
		{"", "", io.ErrUnexpectedEOF},
	}
	for _, test := range tests {
		for _, sign := range []string{"@alice", "alice"} {
			addr, cfg := serve(t, func(p peer) {
				p.say("@")
				if p.hear() == "alice\n" {
					p.say(test.reply)
				}
			})
			got, err := LookupDirectory(t.Context(), addr, cfg, sign)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("%q: got %q, %v; want %q, %v", test.reply, got, err, test.want, test.err)
			}
		}
	}
}

func TestLookupDirectoryBadAddress(t *testing.T) {
	addr, cfg := serve(t, answers("nonsense\r\n@"))
	if got, err := LookupDirectory(t.Context(), addr, cfg, "@alice"); got != "" || err == nil || !strings.Contains(err.Error(), "host:port") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestLookupDirectoryBadName(t *testing.T) {
	addr, cfg := serve(t, answers())
	if _, err := LookupDirectory(t.Context(), addr, cfg, "@alice\nbob"); !errors.Is(err, ErrNotOneLine) {
		t.Errorf("got %v", err)
	}
}

func TestCheckAddress(t *testing.T) {
	for _, good := range []string{"localhost:64", "vip.ve.atsign.zone:25000", "10.0.0.1:1", "a-b_c.example:65535", "X:1"} {
		if err := CheckAddress(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ":", "host", "host:", ":64", "host:0", "host:65536", "host:-1", "host:+1", "host:x", "a b:1", "host:1 ", " host:1",
		"[::1]:64", "::1:64", "http://host:1", "höst:1", "host:1\n", "a@b:1", "a:1:2", strings.Repeat("x ", 1000) + ":1"} {
		if err := CheckAddress(bad); err == nil || len(err.Error()) > 200 {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}
