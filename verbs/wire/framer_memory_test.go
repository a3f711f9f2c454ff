package wire

import (
	"bytes"
	"runtime"
	"testing"
)

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Who keeps a part of a short command keeps no blanks that came with it.
func TestBlanksAreNotKept(t *testing.T) {
	blanks := append(bytes.Repeat([]byte(" "), 1<<20), "noop:0\n"...)
	var kept [64]string
	before := heap()
	for i := range kept {
		var f Framer
		f.Feed(blanks[:1000], true)
		f.Next()
		f.Feed(blanks[1000:], false)
		line, ok, err := f.Next()
		if !ok || err != nil || line.Text != "noop:0" {
			t.Fatalf("%q, %v, %v", line.Text, ok, err)
		}
		kept[i] = line.Text[:4]
	}
	if grown := int64(heap() - before); grown > 8<<20 {
		t.Errorf("%d bytes are kept", grown)
	}
	runtime.KeepAlive(kept)
}
