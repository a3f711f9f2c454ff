package verbs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"atserver/enroll"
	"atserver/store"
	"atserver/store/atkey"
)

const testSecret = "3b1f098b1f1842404a3f20b1aad6ab377e9967c188e3051e0da2475fba5b752d"

var epoch = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// world is a server without its network: @alice's, in memory, with a clock that
// stands still.
type world struct {
	t   testing.TB
	set *Set
	env *Env
	log *bytes.Buffer

	others others
	rung   []string // changes that monitors were told of, a - before what was deleted
	mu     sync.Mutex
	now    time.Time
}

// newWorld makes one that has the given enrollments on record.
func newWorld(t testing.TB, enrollments ...*enroll.Enrollment) *world {
	t.Helper()
	w := &world{t: t, set: Standard(), log: &bytes.Buffer{}, now: epoch}
	db, err := store.Open(store.Options{Sign: "@alice", Now: w.clock, Changed: w.changed})
	w.must(err)
	t.Cleanup(func() { db.Close() })
	for some := range slices.Chunk(enrollments, 1000) { // more do not fit in one update
		w.must(db.Update(func(tx *store.Tx) error {
			for _, e := range some {
				raw, err := json.Marshal(e)
				if err != nil {
					return err
				}
				if err := tx.PutRow(store.Enrollments, e.ID, raw); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	registry, err := enroll.Open(db, enroll.Options{Sign: "@alice", Now: w.clock})
	w.must(err)
	w.must(registry.SetCRAMSecret(testSecret))
	w.env = &Env{
		Sign: "@alice", DB: db, Registry: registry, Now: w.clock, Log: zerolog.New(w.log), Version: "3.0.52", Started: epoch,
		Settings: NewSettings(), Horizons: NewHorizons(), Accesses: NewAccessLog(db, w.clock, AccessRetention{Every: 15 * time.Minute, Percent: 30, Age: 24 * time.Hour}), Connections: func() []Connection { return nil },
		Peers: &w.others, ClientCert: func() ClientCert { return ClientCert{Chain: "chain", ChainChanged: epoch, KeyChanged: epoch} },
		Quotas: DefaultQuotas, NotificationLife: DefaultNotificationLife, SyncPage: DefaultSyncPage, SyncBytes: DefaultSyncBytes,
	}
	return w
}

func (w *world) changed(c store.Change) {
	text := c.Key.String()
	if c.Deleted {
		text = "-" + text
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rung = append(w.rung, text)
}

// rings wants that monitors were told of these changes since the last time.
func (w *world) rings(want ...string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.rung, want) {
		w.t.Errorf("told of %q, want %q", w.rung, want)
	}
	w.rung = nil
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// actor is somebody on one connection.
type actor struct {
	*Session
	w     *world
	watch *Watch // of the monitor it asked for
}

func (w *world) stranger() *actor {
	a := &actor{Session: NewSession("192.0.2.7"), w: w}
	a.Monitor = func(watch *Watch) { a.watch = watch }
	return a
}

func (w *world) as(p enroll.Principal) *actor {
	a := w.stranger()
	a.Principal = p
	return a
}

func (w *world) peer(sign atkey.Sign) *actor {
	return w.as(enroll.Principal{Kind: enroll.Peer, Sign: sign})
}

// app is an enrollment that has logged in.
func (w *world) app(id string) *actor {
	return w.as(enroll.Principal{Kind: enroll.App, Sign: "@alice", Enrollment: id})
}

// cram is somebody who proved to hold the bootstrap secret.
func (w *world) cram() *actor {
	a := w.stranger()
	a.cram()
	return a
}

// exec executes a line and returns all that is sent, and whether that is the end.
func (a *actor) exec(line string) (sent string, end bool) {
	reply, err := a.w.set.Exec(context.Background(), a.w.env, a.Session, a.w.set.Find(line))
	out, end := a.Append(nil, reply, err)
	return string(out), end
}

// says checks what is sent back, LF and prompt included, and that the connection
// stays.
func (a *actor) says(line, want string) {
	a.w.t.Helper()
	got, end := a.exec(line)
	if got != want || end {
		a.w.t.Errorf("%s\n got %q, ends %v\nwant %q", line, got, end, want)
	}
}

// ends is says for what ends the connection.
func (a *actor) ends(line, want string) {
	a.w.t.Helper()
	if got, end := a.exec(line); got != want || !end {
		a.w.t.Errorf("%s\n got %q, ends %v\nwant %q and the end", line, got, end, want)
	}
}

// challenge asks for one.
func (a *actor) challenge() string {
	a.w.t.Helper()
	sent, _ := a.exec("from:@alice")
	text, _, ok := strings.Cut(strings.TrimPrefix(sent, "data:"), "\n")
	if !ok || !strings.HasPrefix(text, a.ID+"@alice:") {
		a.w.t.Fatalf("from answered %q", sent)
	}
	return text
}

func (a *actor) cram() {
	a.w.t.Helper()
	a.says("cram:"+enroll.CRAMDigest(testSecret, a.challenge()), "data:success\n@alice@")
}

// signer is the key of an app.
type signer struct {
	private *ecdsa.PrivateKey
	public  string
}

func newSigner() *signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return &signer{private, hex.EncodeToString(point)}
}

func (s *signer) sign(text string) string {
	sum := sha256.Sum256([]byte(text))
	r, q, err := ecdsa.Sign(rand.Reader, s.private, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%064x%064x", r, q))
}

// rootApp is the owner's enrollment in worlds that are onboarded already.
var rootApp = &enroll.Enrollment{ID: "root", App: "wavi", Device: "pixel", Grants: enroll.Root(), Stored: enroll.Approved, Session: "_s"}

// owner is a world with an owner who has logged in.
func owner(t testing.TB) (*world, *actor) {
	t.Helper()
	w := newWorld(t, rootApp)
	return w, w.app("root")
}

func key(text string) atkey.Key {
	k, err := atkey.Parse(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return k
}

// stored reads a record past all rules.
func (w *world) stored(text string) (r store.Record, found bool) {
	w.t.Helper()
	w.must(w.env.DB.View(func(tx *store.Tx) (err error) {
		r, err = tx.Get(key(text))
		if found = err == nil; !found && err == store.ErrNotFound {
			return nil
		}
		return err
	}))
	return r, found
}

// keys lists what is stored, past all rules.
func (w *world) keys() []string {
	w.t.Helper()
	var keys []string
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for e, err := range tx.Keys(store.Filter{}) {
			if err != nil {
				return err
			}
			keys = append(keys, e.Key.String())
		}
		return nil
	}))
	slices.Sort(keys)
	return keys
}

// audit returns what is on record as "actor action outcome".
func (w *world) audit() []string {
	w.t.Helper()
	var log []string
	w.must(w.env.DB.View(func(tx *store.Tx) error {
		for e, err := range tx.AuditLog(-1) {
			if err != nil {
				return err
			}
			log = append(log, e.Actor+" "+e.Action+" "+e.Outcome)
		}
		return nil
	}))
	return log
}
