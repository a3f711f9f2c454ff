package atauth

import (
	"errors"
	"strings"
)

// Base2e15 is how the SDKs write bytes that are no text: 15 bits a character,
// taken from three ranges of CJK and Hangul; a rest of at most 7 bits ends the
// text with a character of a range of its own.
var base2e15 = []struct{ first, last, bits rune }{
	{0x3480, 0x4DB5, 0x0000},
	{0x4E00, 0x8925, 0x1936},
	{0xAC00, 0xD7A3, 0x545C},
}

const firstRest = 0x3400 // U+3400 to U+347F hold 7 bits

var errBase2e15 = errors.New("not Base2e15 text")

func encodeBase2e15(data []byte) string {
	var out strings.Builder
	buffer, bits := rune(0), 0
	for _, b := range data {
		buffer = buffer<<8 | rune(b)
		if bits += 8; bits >= 15 {
			bits -= 15
			out.WriteRune(toBase2e15(buffer >> bits))
			buffer &= 1<<bits - 1
		}
	}
	switch {
	case bits == 0:
	case bits <= 7:
		out.WriteRune(firstRest + buffer<<(7-bits))
	default:
		out.WriteRune(toBase2e15(buffer << (15 - bits)))
	}
	return out.String()
}

func toBase2e15(value rune) rune {
	for _, r := range base2e15 {
		if c := r.first + value - r.bits; c <= r.last {
			return c
		}
	}
	panic("a value of more than 15 bits")
}

func decodeBase2e15(text string) ([]byte, error) {
	var out []byte
	buffer, bits, ended := rune(0), 0, false
	for _, c := range text {
		if ended {
			return nil, errBase2e15
		}
		if c >= firstRest && c < firstRest+0x80 {
			buffer, bits, ended = buffer<<7|(c-firstRest), bits+7, true
		} else if value := fromBase2e15(c); value >= 0 {
			buffer, bits = buffer<<15|value, bits+15
		} else {
			return nil, errBase2e15
		}
		for bits >= 8 {
			bits -= 8
			out = append(out, byte(buffer>>bits))
			buffer &= 1<<bits - 1
		}
	}
	if buffer != 0 {
		return nil, errBase2e15
	}
	return out, nil
}

// fromBase2e15 returns the 15 bits of a character, -1 if it has none.
func fromBase2e15(c rune) rune {
	for _, r := range base2e15 {
		if c >= r.first && c <= r.last {
			return c - r.first + r.bits
		}
	}
	return -1
}
