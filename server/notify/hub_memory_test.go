package notify

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// Of the commands that changed something, which may be long, no part is held.
func TestChangesHoldNoCommand(t *testing.T) {
	h := newHub(t, time.Hour)
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	for range 64 {
		command := strings.Repeat("x", 1<<20) + "x.wavi@alice@bob"
		text := command[1<<20:]
		h.Changed(store.Change{Key: atkey.Key{Scope: atkey.Shared, Name: text[:6], Owner: atkey.Sign(text[6:12]), SharedWith: atkey.Sign(text[12:])}})
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d bytes are held", grown)
	}
	runtime.KeepAlive(h)
}
