package verbs

import (
	"context"
	"errors"
	"fmt"

	"atserver/enroll"
)

// Verb is one row of the table.
type Verb struct {
	Name  string                 // as on the wire, lower case; "enroll:request" for an operation
	Usage string                 // what a syntax error tells
	Bare  bool                   // may be said without a colon
	Who   enroll.Kind            // whom it admits at all
	Slow  func(args string) bool // may wait for something other than the store; nil: never
	Act   string                 // what it does to a key, in refusals; "": the name
	Alone bool                   // changes the connection, so it cannot stand in a batch

	run func(*Call, string) (Reply, error) // everything from parsing on
}

// Call is one command under way.
type Call struct {
	context.Context // ends with the connection
	*Env
	*Session
	set *Set // that the command was found in
}

// define makes a verb of its steps. A nil step is a mistake of the programmer
// and ends the program at start: what a verb needs must be stated, if only as
// nothing.
func define[A any](
	v Verb,
	parse func(*line) (A, error),
	needs func(*Call, A) []enroll.Need,
	run func(*Call, A) (Reply, error),
) Verb {
	if v.Name == "" || v.Usage == "" || v.Who == 0 || parse == nil || needs == nil || run == nil {
		panic(fmt.Sprintf("verb %q is not completely defined", v.Name))
	}
	v.run = func(c *Call, rest string) (Reply, error) {
		args, err := parse(&line{rest: rest, self: c.Env.Sign})
		if errors.Is(err, errSyntax) {
			return Reply{}, syntaxError("Invalid syntax. " + v.Usage)
		}
		if err != nil {
			return Reply{}, err
		}
		if err := c.Registry.Authorize(c.Principal, needs(c, args)...); err != nil {
			return Reply{}, err
		}
		return run(c, args)
	}
	return v
}

// always is Slow for verbs that may wait whatever their arguments are.
func always(string) bool { return true }

// nothing is the need of a verb that everybody whom it admits may use.
func nothing[A any](*Call, A) []enroll.Need { return nil }
