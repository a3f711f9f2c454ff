package server

import (
	"testing"
	"testing/synctest"
	"time"
)

// Large replies take turns: who reads one slowly is served as long as nobody else
// needs the memory, then cut off. Small ones never wait, and strangers never make
// the owner wait.
func TestTurns(t *testing.T) {
	inBubble(t, Options{LineBudget: 2 << 20}, nil, func(b *bubble) {
		value, small := b.put("big", 600_000), b.put("small", 100)
		slow, other, owner := b.stranger(), b.stranger(), b.stranger()
		owner.login()
		began := time.Now()
		slow.send("lookup:big@alice\n")
		slow.want("data:" + value[:1000])

		other.send("lookup:big@alice\n")
		owner.ask("llookup:public:big@alice", "data:"+value+"\n@alice@")
		time.Sleep(turnTimeout)
		other.want("error:AT0005-Exception: the memory for large replies is in use by others, try again\n@")
		other.ask("lookup:small@alice", "data:"+small+"\n@")

		time.Sleep(turnTimeout / 2)
		slow.want(value[1000:100_000]) // it reads on, so that it does not count as stuck
		time.Sleep(turnTimeout / 4)
		other.ask("lookup:big@alice", "data:"+value+"\n@")
		synctest.Wait()
		if n := b.ended[Slow].Load(); n != 1 {
			t.Errorf("%d cut off", n)
		}
		if held, least := time.Since(began), writeTimeout+600_000/slowestRead*time.Second; held < least || held > least+2*janitorEvery {
			t.Errorf("cut off after %v", held)
		}
		other.ask("lookup:big@alice", "data:"+value+"\n@")
	})
}
