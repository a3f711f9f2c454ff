package verbs

import (
	"errors"
	"strings"

	"atserver/enroll"
	"atserver/verbs/wire"
)

// batchItem is one command of a batch.
type batchItem struct {
	id      int64
	command string
}

// batch executes commands one after the other and answers them together:
// `batch:[{"id":1,"command":"..."},...]`. Each goes the whole way of a command, so
// that nothing is allowed in a batch that is not allowed outside; one that fails
// fails alone.
var batch = define(
	Verb{Name: "batch", Usage: `e.g. batch:[{"id":1,"command":"update:location@alice Oslo"}]`, Who: enroll.App, Slow: always, Alone: true},
	func(l *line) (items []batchItem, err error) {
		if !l.take(":") || l.end() {
			return nil, errSyntax
		}
		const what = "the JSON of batch"
		var objects []jsonObject
		if err := unmarshal([]byte(l.all()), &objects, what); err != nil {
			return nil, err
		}
		if objects == nil {
			return nil, wrongType("a batch is an array")
		}
		items = make([]batchItem, len(objects))
		for i, o := range objects {
			if !o.has("id", "command") {
				return nil, wrongType("id and command are mandatory for each command of a batch")
			}
			if err := errors.Join(o.read("id", &items[i].id, what), o.read("command", &items[i].command, what)); err != nil {
				return nil, err
			}
		}
		return items, nil
	},
	nothing[[]batchItem], // each command needs what it needs
	func(c *Call, items []batchItem) (Reply, error) {
		r := Reply{Data: []byte{'['}}
		for i, item := range items {
			if c.Err() != nil {
				return r, c.Err()
			}
			if i > 0 {
				r.Data = append(r.Data, ',')
			}
			o := object{b: append(r.Data, '{')}
			o.number("id", &item.id)
			data, failed := c.item(item.command, len(o.b))
			o.b = appendOutcome(o.name("response"), data, failed)
			r.Data = append(o.b, '}')
			r.End = r.End || failed != nil && failed.Close
		}
		r.Data = append(r.Data, ']')
		return r, nil
	},
)

// item executes one command of a batch whose reply has grown to size bytes.
func (c *Call) item(command string, size int) ([]byte, *Error) {
	if strings.ContainsAny(command, "\n\r\x00") {
		return nil, asError(wire.ErrNotText)
	}
	cmd := c.set.Find(command)
	if cmd.verb != nil && cmd.verb.Alone {
		return nil, syntaxError(cmd.verb.Name + " cannot stand in a batch")
	}
	reply, err := c.set.Exec(c, c.Env, c.Session, cmd)
	if err == nil {
		err = c.grow(size + len(reply.Data))
	}
	if err == nil && len(reply.Data) > smallReply && size+len(reply.Data) > c.SyncBytes {
		err = &Error{Code: "AT0005", Message: "the replies to a batch have become too large"}
	}
	if err != nil {
		return nil, asError(err)
	}
	return reply.Data, nil
}

// appendOutcome renders what came of a command. Of an error a batch tells the
// code and what that means.
func appendOutcome(b, data []byte, failed *Error) []byte {
	o := object{b: append(b, '{')}
	if failed == nil {
		o.b = wire.AppendString(o.name("data"), string(data))
	} else {
		o.text("error_code", failed.Code)
		o.text("error_message", wire.Text(failed.Code))
	}
	return append(o.b, '}')
}
