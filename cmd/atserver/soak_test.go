package main_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"atserver/enroll/atauth"
)

// soak is a load of apps, each let in by the owner, whom all sorts of things
// happen to meanwhile.
type soak struct {
	*load
	random   *rand.Rand
	resting  []sync.Mutex // one a worker, who holds it while a command is under way
	owner    *atauth.Client
	happened map[string]int
}

// TestSoak runs for as long as ATSERVER_SOAK says, "30m". Fifty apps do at random
// all that clients do with records, and every reply is compared with what the
// contract says. They are revoked and let in again, their connections break, the
// certificate is renewed, strangers come and leave in the middle of a word. In the
// first half the server is killed, or stopped, again and again. In the second half
// it is left alone, and must not have grown at the end of it.
func TestSoak(t *testing.T) {
	long, err := time.ParseDuration(os.Getenv("ATSERVER_SOAK"))
	if err != nil || long <= 0 {
		t.Skip("ATSERVER_SOAK says for how long, as 30m")
	}
	const apps, rounds = 50, 5
	_, seed := workloadOf(t)
	s := newSoak(t, apps, seed)
	began := time.Now()
	for n := 0; time.Since(began) < long/2; n++ {
		s.round(time.Now().Add(min(10*time.Second, long/10)), true)
		s.restart(n%3 == 2)
		s.atRest()
	}
	var grown []figures
	for range rounds {
		s.round(time.Now().Add(max(time.Until(began.Add(long)), 0)/rounds+long/50), false)
		s.atRest()
		grown = append(grown, s.figures())
	}
	t.Logf("happened: %v; at rest: %+v", s.happened, grown)
	if first, last := grown[1], grown[rounds-1]; last.resident > max(2*first.resident, 160<<20) || last.files > first.files+20 || last.threads > first.threads+10 {
		t.Errorf("it grew from %+v to %+v", first, last)
	}
	for _, w := range s.workers {
		w.owner.Close()
		w.stranger.Close()
	}
	s.owner.Close()
	var idle figures
	eventually(t, func() bool { idle = s.figures(); return idle.files < 60 && idle.resident < 80<<20 })
	goroutines := s.goroutines()
	if t.Logf("without a connection: %+v, %d goroutines", idle, goroutines); goroutines > 60 {
		t.Errorf("%d goroutines are left without a connection", goroutines)
	}
	s.serve()
	s.atRest()
	s.process.stop()
}

func newSoak(t *testing.T, apps int, seed uint64) *soak {
	t.Helper()
	s := &soak{load: newLoad(t), random: rand.New(rand.NewPCG(seed, seed)), resting: make([]sync.Mutex, apps+1), happened: map[string]int{}}
	s.ca = filepath.Join(s.data, "chain.pem")
	s.args = []string{"--cert", s.ca, "--key", filepath.Join(s.data, "key.pem"), "--max-connections", "400", "--max-per-address", "300"}
	s.renew()
	s.begin(apps+1, seed) // the first is the owner, who looks after all
	s.enter()
	for _, w := range s.workers[1:] {
		w.keys = s.letIn(w.name)
	}
	s.connect()
	s.takeBase()
	return s
}

// enter logs the owner in, for what is the owner's alone.
func (s *soak) enter() {
	s.t.Helper()
	c, err := atauth.Dial(s.t.Context(), s.options())
	if err == nil {
		err = c.Authenticate(s.t.Context(), s.keys)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.owner = c
}

// letIn enrolls an app for everything.
func (s *soak) letIn(name string) atauth.Keys {
	s.t.Helper()
	otp, err := s.owner.OTP(bounded(s.t), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := atauth.Submit(bounded(s.t), s.options(), atauth.Request{
		App: name, Device: "soak", Namespaces: map[string]string{"*": "rw"}, OTP: otp,
	})
	if err == nil {
		err = s.owner.Approve(bounded(s.t), s.keys, p.Enrollment)
	}
	var keys atauth.Keys
	if err == nil {
		keys, err = p.Wait(bounded(s.t), func(string) {})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return keys
}

// round has all work until a time, and then kills the server or waits until
// everybody has an answer.
func (s *soak) round(end time.Time, kill bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancelCause(s.t.Context())
	defer cancel(nil)
	var done atomic.Int64
	var running sync.WaitGroup
	for i, w := range s.workers {
		running.Go(func() {
			for ctx.Err() == nil && (kill || time.Now().Before(end)) {
				s.resting[i].Lock()
				err := w.step()
				s.resting[i].Unlock()
				if kill && errors.Is(err, errLost) && time.Now().After(end) {
					return
				}
				if err != nil {
					cancel(fmt.Errorf("%s: %w", w.name, err))
				}
				done.Add(1)
			}
		})
	}
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for next := int64(0); ctx.Err() == nil && time.Now().Before(end); <-again.C {
		if done.Load() < next { // something happens every few commands
			continue
		}
		next = done.Load() + s.random.Int64N(300)
		if err := s.disturb(); err != nil {
			cancel(err)
		}
	}
	if kill {
		s.process.cmd.Process.Kill()
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		s.t.Fatal(err)
	}
	s.happened["command"] += int(done.Load())
}

// disturb has one thing happen.
func (s *soak) disturb() error {
	i := 1 + s.random.IntN(len(s.workers)-1)
	things := []struct {
		name string
		do   func(i int) error
	}{{"break", s.breaks}, {"break", s.breaks}, {"revocation", s.revokes}, {"stranger", s.strangers}, {"renewal", func(int) error { s.renew(); return nil }}}
	thing := things[s.random.IntN(len(things))]
	s.happened[thing.name]++
	if err := thing.do(i); err != nil {
		return fmt.Errorf("%s of %s: %w", thing.name, s.workers[i].name, err)
	}
	return nil
}

// breaks ends the connections of an app, which comes back.
func (s *soak) breaks(i int) error {
	s.resting[i].Lock()
	defer s.resting[i].Unlock()
	return s.workers[i].connect()
}

// revokes ends an app, which must not get in until that is taken back.
func (s *soak) revokes(i int) error {
	s.resting[i].Lock()
	defer s.resting[i].Unlock()
	w := s.workers[i]
	ctx, cancel := context.WithTimeout(s.t.Context(), answerTime)
	defer cancel()
	if _, err := s.owner.Revoke(ctx, w.keys.Enrollment, false); err != nil {
		return err
	}
	if answer, err := w.owner.Ask(ctx, "scan"); err == nil {
		return fmt.Errorf("its connection answers %.100q", answer)
	}
	if err := w.connect(); !atauth.Refused(err) {
		return fmt.Errorf("a new connection is not refused: %w", err)
	}
	if err := s.owner.Unrevoke(ctx, w.keys.Enrollment); err != nil {
		return err
	}
	return w.connect()
}

// strangers come, say something and are gone in the middle of it.
func (s *soak) strangers(int) error {
	for _, text := range []string{"", "scan\nscan\ninf", "from:@alice\npkam:", strings.Repeat("x", 300_000)} {
		c, err := tls.Dial("tcp", s.process.address(), &tls.Config{RootCAs: roots(s.t, s.ca)})
		if err == nil {
			_, err = io.WriteString(c, text)
		}
		if err != nil {
			return err
		}
		c.NetConn().Close()
	}
	return nil
}

// renew makes a new certificate, which the server is told of if there is one.
func (s *soak) renew() {
	certificate(s.t, s.ca, filepath.Join(s.data, "key.pem"))
	if s.process == nil {
		return
	}
	before := strings.Count(s.process.stderr.String(), "Certificate loaded")
	s.process.signal(syscall.SIGHUP)
	s.process.wantLogged("Certificate loaded", before+1)
}

// restart starts the killed server again, after a second, orderly end if need be,
// and finds out what became of what was under way.
func (s *soak) restart(twice bool) {
	s.t.Helper()
	s.process.status()
	s.serve()
	if s.happened["kill"]++; twice {
		s.process.stop()
		s.serve()
	}
	s.adopt()
	s.enter()
}

// figures are what a server takes up.
type figures struct {
	resident       int64 // bytes of its own; what it maps of the data is the system's to keep
	files, threads int
}

func (s *soak) figures() figures {
	s.t.Helper()
	pid := s.process.cmd.Process.Pid
	files, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	return figures{s.process.resident("RssAnon"), len(files), len(threads)}
}

// goroutines ends the server by the signal that has it tell of all of them.
func (s *soak) goroutines() int {
	s.t.Helper()
	s.process.signal(syscall.SIGQUIT)
	s.process.status()
	return strings.Count(s.process.stderr.String(), "\ngoroutine ")
}
