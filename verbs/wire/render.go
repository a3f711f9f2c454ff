package wire

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Shape is one of the three forms an error takes on the wire.
type Shape uint8

const (
	Dash  Shape = iota // error:AT0003-text
	JSON               // error:{"errorCode":"AT0003","errorDescription":"text"}
	Colon              // error:AT0025:text, for refusals by enrollment state only
)

// Full is all that a server without a place for a connection says on it.
var Full = []byte("error:AT0012-" + Text("AT0012") + "\n")

// maxRecord is the payload of the largest TLS record (RFC 8446, section 5.1).
const maxRecord = 16384

// Prompt is what ends every reply: "@" as long as nobody is known, else "@alice@".
func Prompt(sign string) string {
	if sign == "" {
		return "@"
	}
	return sign + "@"
}

// AppendReply appends a reply: "data:" unless the payload brings it, the payload, LF, the prompt.
func AppendReply[T ~string | ~[]byte](dst []byte, payload T, prompt string) []byte {
	const prefix = "data:"
	dst = slices.Grow(dst, len(prefix)+len(payload)+1+len(prompt))
	if len(payload) < len(prefix) || string(payload[:len(prefix)]) != prefix {
		dst = append(dst, prefix...)
	}
	start := len(dst)
	dst = append(dst, payload...)
	fold(dst[start:])
	dst = append(dst, '\n')
	return append(dst, prompt...)
}

// LongReply is AppendReply for a payload of 32 KiB or more, which it does not copy but may change. The reply comes in
// pieces, each to be written at once: the first and the last are full TLS records, see Tail.
func LongReply(payload []byte, prompt string) [3][]byte {
	fold(payload)
	first := make([]byte, 0, maxRecord)
	if !bytes.HasPrefix(payload, []byte("data:")) {
		first = append(first, "data:"...)
	}
	begin := maxRecord - len(first)
	end := len(payload) - (maxRecord - len("\n") - len(prompt))
	last := append(make([]byte, 0, maxRecord), payload[end:]...)
	last = append(append(last, '\n'), prompt...)
	return [3][]byte{append(first, payload[:begin]...), payload[begin:end], last}
}

// fold makes one line of b: a second one would be read as the reply to the next command. To at_c CR is the end of a
// line, too, and NUL that of everything.
func fold(b []byte) {
	for _, end := range []byte("\n\r\x00") {
		for rest := b; ; {
			i := bytes.IndexByte(rest, end)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// AppendError appends an error with its LF and prompt.
func AppendError(dst []byte, shape Shape, code, text, prompt string) []byte {
	text = safe.Replace(text)
	dst = append(dst, "error:"...)
	switch shape {
	case JSON:
		dst = append(dst, `{"errorCode":`...)
		dst = AppendString(dst, code)
		dst = append(dst, `,"errorDescription":`...)
		dst = AppendString(dst, text)
		dst = append(dst, '}')
	case Colon:
		dst = append(dst, code...)
		dst = append(dst, ':')
		dst = append(dst, text...)
	default:
		dst = append(dst, code...)
		dst = append(dst, '-')
		dst = append(dst, text...)
	}
	dst = append(dst, '\n')
	return append(dst, prompt...)
}

// safe keeps an error on one line and from being read as a success: at_python, at_java and at_go take a reply with
// "data:" anywhere for data, and at_c takes CR for its end.
var safe = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "data:", "data :")

// short are the control characters with a short form in JSON.
var short = [' ']byte{'\b': 'b', '\t': 't', '\n': 'n', '\f': 'f', '\r': 'r'}

// AppendString appends s as a JSON string (RFC 8259, section 7) with only what must be escaped escaped, so that "<" and
// non-ASCII text stay as they are.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ' && short[r] != 0:
			dst = append(dst, '\\', short[r])
		case r < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}

// Tail says where a unit of n bytes must be cut in two writes so that its LF and prompt travel whole in the last TLS
// record, which many clients read alone; 0 means one write. Nothing is lost by the cut: the number of records is the
// same, the full one is the last. The connection needs DynamicRecordSizingDisabled.
func Tail(n int) int { return max(0, n-maxRecord) }
