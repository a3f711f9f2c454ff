package wire

import (
	"bytes"
	"strings"
	"testing"
)

// LongReply is AppendReply in other pieces, of which the first and the last fill a record.
func TestLongReply(t *testing.T) {
	for _, n := range []int{2 * maxRecord, 2*maxRecord + 1, 100_000} {
		for _, begin := range []string{"", "data:", "a\nb\rc\x00"} {
			payload := begin + strings.Repeat("0123456789", n/10+1)[:n-len(begin)]
			want := AppendReply(nil, payload, "@alice@")
			pieces := LongReply([]byte(payload), "@alice@")
			if got := bytes.Join(pieces[:], nil); !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %q: %d in pieces, want %d", n, begin, len(got), len(want))
			}
			if len(pieces[0]) != maxRecord || len(pieces[2]) != maxRecord {
				t.Errorf("%d bytes: pieces of %d, %d and %d", n, len(pieces[0]), len(pieces[1]), len(pieces[2]))
			}
		}
	}
}
