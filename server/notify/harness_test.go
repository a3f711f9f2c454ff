package notify

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/store"
	"atserver/store/atkey"
	"atserver/verbs/wire"
)

const patience = 20 * time.Second

// other is another atSign's server: it greets, and answers each line as it is told.
type other struct {
	addr   string
	answer func(line string) string // "" says nothing

	mu    sync.Mutex
	lines []string
}

// listen starts one over TLS until the test ends.
func listen(t *testing.T, answer func(line string) string) *other {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	of := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &private.PublicKey, private)
	must(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}})
	must(t, err)
	s := &other{addr: l.Addr().String(), answer: answer}
	var conns sync.WaitGroup
	t.Cleanup(func() { l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.serve(conn) })
		}
	})
	return s
}

func (s *other) serve(conn net.Conn) {
	defer conn.Close()
	io.WriteString(conn, "@")
	for r := bufio.NewReader(conn); ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		s.mu.Lock()
		s.lines = append(s.lines, strings.TrimSuffix(line, "\n"))
		answer := s.answer(line)
		s.mu.Unlock()
		if answer != "" {
			io.WriteString(conn, answer+"\n@alice@")
		}
	}
}

func (s *other) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.lines...)
}

// told is said without the questions.
func (s *other) told() []string {
	return slices.DeleteFunc(s.said(), func(line string) bool { return line == "info:brief" })
}

// success is what a server answers that takes everything.
func success(string) string { return "data:success" }

// places knows where servers are, and dials one for each line.
type places map[atkey.Sign]*other

func (p places) Ask(ctx context.Context, of atkey.Sign, proven bool, line string) (string, error) {
	at := p[of]
	if at == nil {
		return "", fmt.Errorf("%s: %w", of, wire.ErrNoAddress)
	}
	if !proven {
		return "", errors.New("a notification must be proven")
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(ctx, "tcp", at.addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	r := bufio.NewReader(conn)
	if _, err := r.ReadByte(); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	reply, err := r.ReadString('\n')
	if err != nil {
		return "", err
	}
	return wire.ParseReply(strings.TrimSuffix(reply, "\n"))
}

// judge is what the server makes of errors.
func judge(err error) Verdict {
	var reply *wire.Error
	switch {
	case errors.Is(err, wire.ErrNoAddress):
		return Never
	case errors.As(err, &reply) && reply.Code == "AT0003":
		return Simpler
	}
	return Again
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sender is an outbox on a store, both until the test ends.
type sender struct {
	*Outbox
	t    testing.TB
	stop func()
}

func database(t testing.TB, now func() time.Time, notified func(store.Notification)) *store.DB {
	t.Helper()
	db, err := store.Open(store.Options{Sign: "@alice", Now: now, Notified: notified})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t testing.TB, db *store.DB, peers Asker) *sender {
	t.Helper()
	s := &sender{Outbox: NewOutbox(Options{DB: db, Peers: peers, Judge: judge, Now: time.Now}), t: t}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// enqueue keeps a notification that waits for somebody, and wakes the outbox.
func enqueue(t testing.TB, db *store.DB, o *Outbox, n store.Notification) {
	t.Helper()
	n.From, n.Type, n.Op, n.Notifier = "@alice", store.Sent, store.NotifyUpdate, "system"
	if n.Expires.IsZero() {
		n.Expires = time.Now().Add(time.Hour)
	}
	n.Key = string(n.To) + ":x@alice"
	must(t, db.Update(func(tx *store.Tx) error { return tx.Enqueue(&n) }))
	if o != nil {
		o.Wake(n.To)
	}
}

func statusOf(t testing.TB, db *store.DB, id string) (status store.NotificationStatus, there bool) {
	t.Helper()
	must(t, db.View(func(tx *store.Tx) error {
		n, err := tx.Notification(id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		status, there = n.Status, true
		return err
	}))
	return status, there
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, done func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); !done(); {
		select {
		case <-again.C:
		case <-late:
			t.Fatal("it never came about")
		}
	}
}
