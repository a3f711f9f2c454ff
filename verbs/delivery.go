package verbs

import (
	"errors"
	"slices"

	"atserver/verbs/wire"
)

// IsFinal tells whether the answer to a notification that was sent leaves no hope:
// the directory does not know the atSign, its server's owner wants none, or its key
// or length are what no server takes.
func IsFinal(err error) bool {
	return errors.Is(err, wire.ErrNoAddress) || errors.Is(err, wire.ErrLineTooLong) ||
		slices.Contains([]string{"AT0016", "AT0033", "AT0034", "AT0035"}, codeOf(err))
}

// IsNotUnderstood tells whether the other server does not know the words.
func IsNotUnderstood(err error) bool { return codeOf(err) == "AT0003" }

func codeOf(err error) string {
	var reply *wire.Error
	if errors.As(err, &reply) {
		return reply.Code
	}
	return ""
}
