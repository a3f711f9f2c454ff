package enroll

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

const testSecret = "3b1f098b1f1842404a3f20b1aad6ab377e9967c188e3051e0da2475fba5b752d"

var epoch = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// clock is a time that tests set.
type clock struct {
	sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: epoch} }

func (c *clock) Now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.now = c.now.Add(d)
}

// fixture is a registry with its store and its clock.
type fixture struct {
	*Registry
	*clock
	db *store.DB
	t  testing.TB
}

func open(t testing.TB, dir string, c *clock, testing bool) *fixture {
	t.Helper()
	db, err := store.Open(store.Options{Dir: dir, Sign: "@alice", Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	r, err := Open(db, Options{Sign: "@alice", Now: c.Now, TestingMode: testing})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{r, c, db, t}
}

func newFixture(t testing.TB) *fixture { t.Helper(); return open(t, "", newClock(), false) }

// onboarding is a fixture which waits for its first app.
func onboarding(t testing.TB) *fixture {
	t.Helper()
	f := newFixture(t)
	f.must(f.SetCRAMSecret(testSecret))
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// add puts enrollments on record the way the registry does.
func (f *fixture) add(enrollments ...*Enrollment) {
	f.t.Helper()
	f.must(f.change(func(c *change) error {
		for _, e := range enrollments {
			if err := c.put(e); err != nil {
				return err
			}
		}
		return nil
	}))
}

// bootstrapped enrolls an app on the word of the bootstrap secret.
func (f *fixture) bootstrapped(app string, key *signer) *Enrollment {
	f.t.Helper()
	e, err := f.onCRAM(Request{App: app, Device: "pixel", Key: key.public, Algorithm: key.algorithm})
	f.must(err)
	return e
}

// onCRAM asks for an enrollment on a connection that proved to hold the secret.
func (f *fixture) onCRAM(r Request) (*Enrollment, error) {
	return f.Request(Principal{Kind: CRAM, Sign: "@alice"}, r, "")
}

// login proves to hold a key.
func (f *fixture) login(id string, key *signer) (Principal, error) {
	const challenge = "_4af24c03@alice:5f1c2c9e"
	return f.LoginByPKAM(Proof{Enrollment: id, Challenge: challenge, Signature: key.sign("sha256", challenge)}, "192.0.2.7")
}

// cram proves to hold a bootstrap secret.
func (f *fixture) cram(secret string) (Principal, error) {
	return f.LoginByCRAM("_4af24c03@alice:5f1c2c9e", CRAMDigest(secret, "_4af24c03@alice:5f1c2c9e"), "192.0.2.7")
}

// audit returns what is on record as "actor action target outcome".
func (f *fixture) audit() []string {
	f.t.Helper()
	var log []string
	f.must(f.db.View(func(tx *store.Tx) error {
		for e, err := range tx.AuditLog(-1) {
			if err != nil {
				return err
			}
			log = append(log, fmt.Sprintf("%s %s %s %s", e.Actor, e.Action, e.Target, e.Outcome))
		}
		return nil
	}))
	return log
}

// signer is the client's half of a key.
type signer struct {
	algorithm Algorithm
	public    string // as clients send it
	sign      func(hash, message string) string
}

var rsaSigner = sync.OnceValue(func() *signer {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return &signer{RSA2048, spki(&private.PublicKey), func(hash, message string) string {
		sum256, sum512 := sha256.Sum256([]byte(message)), sha512.Sum512([]byte(message))
		kind, sum := crypto.SHA256, sum256[:]
		if hash == "sha512" {
			kind, sum = crypto.SHA512, sum512[:]
		}
		signature, err := rsa.SignPKCS1v15(nil, private, kind, sum)
		if err != nil {
			panic(err)
		}
		return base64.StdEncoding.EncodeToString(signature)
	}}
})

func spki(public *rsa.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func p256Signer() *signer {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return &signer{P256, hex.EncodeToString(point), func(_, message string) string {
		sum := sha256.Sum256([]byte(message))
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			panic(err)
		}
		return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%064x%064x", r, s))
	}}
}

func key(text string) atkey.Key {
	k, err := atkey.Parse(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	return k
}
