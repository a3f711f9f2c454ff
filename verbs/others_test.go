package verbs

import (
	"context"
	"sync"

	"atserver/store/atkey"
	"atserver/verbs/wire"
)

// others are the servers of other atSigns: lines that they answer, by what they are
// asked, with "as us: " in front where they must know who asks. Nobody else is met.
type others struct {
	mu      sync.Mutex
	replies map[string]string
	asked   []string
}

func (o *others) Ask(_ context.Context, of atkey.Sign, proven bool, line string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if proven {
		line = "as us: " + line
	}
	o.asked = append(o.asked, line)
	reply, ok := o.replies[line]
	if !ok {
		return "", ErrNoConnection(of, "localhost:1")
	}
	return wire.ParseReply(reply)
}

func (o *others) Open() int { return 2 }

// answer sets what is answered to a line.
func (o *others) answer(line, reply string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.replies == nil {
		o.replies = map[string]string{}
	}
	o.replies[line] = reply
}

// heard tells what was asked since the last time.
func (o *others) heard() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := o.asked
	o.asked = nil
	return asked
}
