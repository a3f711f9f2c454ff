package verbs

import "errors"

const (
	// smallReply is how many bytes a reply may have, or grow to, without waiting
	// for its turn among the large ones.
	smallReply = 64 << 10

	// someReply stands for the size of a list, which is not known before it is made.
	someReply = 4 << 20
)

// ErrBusy says that a turn did not come in time.
var ErrBusy = errors.New("no memory for another large reply")

// gather asks for the memory of a reply that is about to have n bytes, and waits
// for it when that is much. It is given back when the reply has been sent.
func (c *Call) gather(n int) error {
	if n <= smallReply || c.Turn == nil {
		return nil
	}
	return c.Turn(c, n)
}

// grow is gather for a list that has n bytes so far.
func (c *Call) grow(n int) error {
	if n <= smallReply {
		return nil
	}
	return c.gather(someReply)
}
