package verbs

import (
	"strconv"

	"atserver/verbs/wire"
)

// Reply is what a verb answers.
type Reply struct {
	Data   []byte // payload behind "data:"; a long one may be changed when it is sent
	Mute   bool   // nothing is answered
	Prompt bool   // the prompt alone is answered
	End    bool   // the connection ends after it
}

func text(s string) Reply { return Reply{Data: []byte(s)} }

func number(n int64) Reply { return Reply{Data: strconv.AppendInt(nil, n, 10)} }

// Append renders what Exec returned, in the shape and with the prompt that this
// session gets, and tells whether the connection ends after it.
func (s *Session) Append(dst []byte, r Reply, err error) (out []byte, end bool) {
	if err == nil {
		if r.Mute {
			return dst, r.End
		}
		if r.Prompt {
			return append(dst, s.prompt(false)...), r.End
		}
		return wire.AppendReply(dst, r.Data, s.prompt(false)), r.End
	}
	e := asError(err)
	shape := wire.Dash
	switch {
	case e.Colon:
		shape = wire.Colon
	case s.jsonError:
		shape = wire.JSON
	}
	return wire.AppendError(dst, shape, e.Code, s.describe(e), s.prompt(!e.Colon)), e.Close
}

// Long renders a reply with 64 KiB or more of data, without copying it.
func (s *Session) Long(r Reply) [3][]byte { return wire.LongReply(r.Data, s.prompt(false)) }

// describe gives the text of an error: to the owner with what its code means, to
// anybody else with a word that says nothing. Colon errors are said as they are.
func (s *Session) describe(e *Error) string {
	switch {
	case e.Colon:
		return e.Message
	case s.owner():
		return wire.Text(e.Code) + " : " + e.Message
	}
	return "Exception: " + e.Message
}
