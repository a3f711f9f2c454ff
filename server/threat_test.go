package server_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"atserver/enroll"
	"atserver/store"
)

// The threats T01 to T26, on the doors that there are: the line protocol and the operator's socket. What a threat says
// of others waits for them:
//
//	T15  the kinds and doors of the gateway (HTTPS)
//	T16  /v1/data (HTTPS)
//	T17  PUT and DELETE (HTTPS)
//	T22, T24  the second door (HTTPS)
//	T25  a request in flight, an app session (HTTPS)
var threats = map[string][]string{
	"T01": {"wire/cram", "attack/guessing"},
	"T02": {"attack/replayed_digest", "attack/replayed_signature"},
	"T03": {"attack/stale_challenge"},
	"T04": {"wire/cram", "attack/cram_session_reads"},
	"T05": {"attack/cram_after_onboarding", "wire/cram_again"},
	"T06": {"wire/pkam", "wire/pkam_p256", "wire/enroll_request"},
	"T07": {"attack/revoked_apps"},
	"T08": {"attack/relayed_challenge"},
	"T10": {"attack/guessed_passcode", "attack/guessed_by_many"},
	"T12": {"wire/otp_get", "wire/otp_put", "attack/stale_passcode"},
	"T13": {"attack/oversized_line", "attack/not_text", "attack/app_names", "attack/grant_names", "attack/look_alikes", "attack/batch_smuggling", "attack/batch_flood", "attack/json_smuggling"},
	"T14": {"attack/silent_connections"},
	"T15": {"attack/before_login", "attack/cram_session_reads", "attack/looking_around", "attack/batch_smuggling", "attack/batch_revoked", "attack/configuration", "attack/notify_by_anybody"},
	"T16": {"attack/namespace_escape", "attack/looking_around", "attack/planted_keys", "attack/json_smuggling", "attack/others_changes", "attack/borrowed_references", "attack/notify_look_alikes"},
	"T17": {"attack/reading_app_writes", "attack/reading_app_marks"},
	"T18": {"attack/replaced_login_key"},
	"T19": {"attack/stolen_keys", "wire/keys_get", "wire/keys_delete"},
	"T20": {"attack/namespace_escape"},
	"T21": {"attack/forged_enrollment", "attack/looking_around", "attack/others_changes", "wire/sync_from_apps"},
	"T22": {"attack/more_than_one_has"},
	"T23": {"wire/enroll_approve", "wire/enroll_deny", "wire/enroll_revoke", "wire/enroll_unrevoke", "wire/enroll_delete"},
	"T24": {"attack/looking_around", "wire/enroll_list", "wire/enroll_fetch"},
	"T25": {"wire/enroll_revoke", "wire/enroll_revoke_cascade", "attack/revoked_monitor"},
	"T26": {"wire/enroll_request_lifetime", "attack/clock_jumps"},
}

// shown plays the transcripts that show that a threat is met.
func shown(t *testing.T) {
	t.Helper()
	files := threats[strings.TrimPrefix(t.Name(), "Test")]
	if len(files) == 0 {
		t.Fatal("nothing shows it")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			s, err := readScript(filepath.Join("..", "testdata", file+".wire"))
			if err != nil {
				t.Fatal(err)
			}
			play(t, file, s, startServer(t, new(transcript)))
		})
	}
}

func TestT01(t *testing.T) { shown(t) }
func TestT02(t *testing.T) { shown(t) }
func TestT03(t *testing.T) { shown(t) }
func TestT04(t *testing.T) { shown(t) }
func TestT05(t *testing.T) { shown(t) }
func TestT06(t *testing.T) { shown(t) }
func TestT07(t *testing.T) { shown(t) }
func TestT08(t *testing.T) { shown(t) }

// line is a connection that a goroutine of its own may use.
type line struct {
	*tls.Conn
	r *bufio.Reader
}

func connect(to *target, from net.Addr) (*line, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience, LocalAddr: from}, "tcp", to.addr, to.tls)
	if err != nil {
		return nil, err
	}
	l := &line{conn, bufio.NewReader(conn)}
	_, err = l.r.ReadByte() // the greeting
	return l, err
}

func (l *line) ask(command string) (string, error) {
	if err := l.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(l, command+"\n"); err != nil {
		return "", err
	}
	return l.r.ReadString('\n')
}

// TestT09 shows one passcode on fifty connections at once, each from an address of its own so that none waits long.
func TestT09(t *testing.T) {
	to := startServer(t, new(transcript))
	p := &player{T: t, target: to, values: map[string]string{}, conns: map[string]*tls.Conn{}, file: "T09"}
	p.play("@owner\n> otp:get\n< data:${otp=/[A-Z1-9]{6}/}⏎@alice@\n")
	otp := p.values["otp"]
	answers := make(chan string, 50)
	var ready, all sync.WaitGroup
	ready.Add(50)
	for i := range 50 {
		public, err := keyNamed(fmt.Sprintf("p256many%d", i)).public()
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			l, err := connect(to, &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i))})
			ready.Done()
			if err != nil {
				answers <- err.Error()
				return
			}
			defer l.Close()
			ready.Wait()
			answer, err := l.ask(fmt.Sprintf(
				`enroll:request:{"appName":"many%d","deviceName":"phone","namespaces":{"wavi":"r"},"otp":%q,"encryptedAPKAMSymmetricKey":"c3lt","apkamPublicKey":%q,"signingAlgo":"ecc_secp256r1"}`,
				i, otp, public))
			if err != nil {
				answer = err.Error()
			}
			answers <- answer
		})
	}
	all.Wait()
	close(answers)
	pending := 0
	for answer := range answers {
		switch {
		case strings.Contains(answer, `"status":"pending"`):
			pending++
		case !strings.HasPrefix(answer, "error:AT0022-Exception: invalid otp"):
			t.Errorf("got %q", answer)
		}
	}
	if pending != 1 {
		t.Errorf("%d requests were taken", pending)
	}
	p.play("@owner\n> enroll:list:{\"enrollmentStatusFilter\":[\"pending\"]}\n< data:{${list=text}}⏎@alice@\n")
	if n := strings.Count(p.values["list"], `"approval":{"state":"pending"}`); n != 1 {
		t.Errorf("%d are pending", n)
	}
	p.leave()
}

func TestT10(t *testing.T) { shown(t) }

// TestT11 looks at what is handed to the storage, before that encrypts it.
func TestT11(t *testing.T) {
	db, err := store.Open(store.Options{Sign: "@alice"})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := enroll.Open(db, enroll.Options{Sign: "@alice"})
	if err != nil {
		t.Fatal(err)
	}
	owner := enroll.Principal{Kind: enroll.App, Sign: "@alice", Enrollment: "x"}
	otp, err := r.NewOTP(owner, 0, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.SetPasscode(owner, "CHOSEN_1", 0, "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	rows := 0
	err = db.View(func(tx *store.Tx) error {
		for _, table := range []store.Table{store.Codes, store.Settings, store.Enrollments} {
			for row, err := range tx.Rows(table, "") {
				if err != nil {
					return err
				}
				rows++
				for _, code := range []string{otp, "CHOSEN_1"} {
					if text := bytes.ToUpper(append([]byte(row.ID), row.Value...)); bytes.Contains(text, []byte(code)) {
						t.Errorf("row %s of table %c holds a passcode", row.ID, table)
					}
				}
			}
		}
		for entry, err := range tx.AuditLog(-1) {
			if err != nil {
				return err
			}
			if text := strings.ToUpper(fmt.Sprint(entry)); strings.Contains(text, otp) || strings.Contains(text, "CHOSEN_1") {
				t.Errorf("entry %d of the audit trail holds a passcode", entry.Seq)
			}
		}
		return nil
	})
	if err != nil || rows < 2 {
		t.Fatalf("%d rows, %v", rows, err)
	}
}

func TestT12(t *testing.T) { shown(t) }
func TestT13(t *testing.T) { shown(t) }
func TestT14(t *testing.T) { shown(t) }
func TestT15(t *testing.T) { shown(t) }
func TestT16(t *testing.T) { shown(t) }
func TestT17(t *testing.T) { shown(t) }
func TestT18(t *testing.T) { shown(t) }
func TestT19(t *testing.T) { shown(t) }

// TestT20 asks often, because the order of a map is another one each time.
func TestT20(t *testing.T) {
	shown(t)
	for range 1000 {
		g := enroll.Grants{"buzz": enroll.Read, "foo.buzz": enroll.ReadWrite, "bar.foo.buzz": enroll.Read}
		for namespace, want := range map[string]enroll.Access{"buzz": enroll.Read, "x.buzz": enroll.Read, "foo.buzz": enroll.ReadWrite, "x.foo.buzz": enroll.ReadWrite, "bar.foo.buzz": enroll.Read} {
			if g.Covers(enroll.Grants{namespace: enroll.ReadWrite, "bar.foo.buzz": enroll.Read}) != (want == enroll.ReadWrite) {
				t.Fatalf("%s: not %s", namespace, want)
			}
		}
	}
}

func TestT21(t *testing.T) { shown(t) }
func TestT22(t *testing.T) { shown(t) }
func TestT23(t *testing.T) { shown(t) }
func TestT24(t *testing.T) { shown(t) }

// TestT25 revokes an app with many connections, among as many of another one.
func TestT25(t *testing.T) {
	shown(t)
	const many = 10
	p := &player{T: t, target: startServer(t, new(transcript)), values: map[string]string{}, conns: map[string]*tls.Conn{}, file: "T25"}
	for i := range many {
		p.enter(fmt.Sprintf("wavi%d", i+1))
		p.enter(fmt.Sprintf("reader%d", i+1))
	}
	p.enter("owner")
	before := time.Now()
	p.play("> enroll:revoke:{\"enrollmentId\":\"${wavi}\"}\n< data:{\"status\":\"revoked\",\"enrollmentId\":\"${wavi}\"}⏎@alice@\n")
	for i := range many {
		p.name = fmt.Sprintf("wavi%d", i+1)
		p.closed()
	}
	if took := time.Since(before); took > time.Second {
		t.Errorf("the connections ended after %v", took)
	}
	for i := range many {
		p.play(fmt.Sprintf("@reader%d\n> noop:0\n< data:ok⏎@alice@\n", i+1))
	}
	for p.name = range p.conns {
		p.leave()
	}
}

func TestT26(t *testing.T) { shown(t) }
