package verbs

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"atserver/enroll"
)

// enrolled asks to be enrolled and returns the id.
func (a *actor) enrolled(s *signer) string {
	a.w.t.Helper()
	sent, _ := a.exec(fmt.Sprintf(`enroll:request:{"appName":"wavi","deviceName":"pixel","apkamPublicKey":%q,"signingAlgo":"ecc_secp256r1"}`, s.public))
	var got struct{ EnrollmentID, Status string }
	payload := strings.TrimSuffix(strings.TrimPrefix(sent, "data:"), "\n@alice@")
	if err := json.Unmarshal([]byte(payload), &got); err != nil || got.Status != "approved" {
		a.w.t.Fatalf("enroll:request answered %q", sent)
	}
	return got.EnrollmentID
}

// TestOnboarding is what at_auth does, on one connection.
func TestOnboarding(t *testing.T) {
	w, s := newWorld(t), newSigner()
	a := w.stranger()
	a.cram()
	id := a.enrolled(s)
	a.says("pkam:signingAlgo:ecc_secp256r1:hashingAlgo:sha256:enrollmentId:"+id+":"+s.sign(a.challenge()), "data:success\n@alice@")
	a.says("update:public:publickey@alice MIIB", "data:0\n@alice@")
	a.says("delete:privatekey:at_secret", "data:-1\n@alice@")
	if a.Principal.Enrollment != id || w.env.Registry.AwaitsOnboarding() {
		t.Errorf("%+v; waits for onboarding: %v", a.Principal, w.env.Registry.AwaitsOnboarding())
	}
	b := w.stranger()
	b.says("cram:"+enroll.CRAMDigest(testSecret, b.challenge()), "error:AT0401-Exception: Authentication Failed\n@")
	if log := strings.Join(w.audit(), ","); log != "cram login.cram allow,cram enroll.bootstrap allow,"+id+" cram.retire allow,"+id+" login.pkam allow,cram login.cram deny" {
		t.Errorf("audit %s", log)
	}
}

// TestOldOnboarding is what clients of before 2024 do: store the key, put the
// secret away, log in without an id.
func TestOldOnboarding(t *testing.T) {
	w, s := newWorld(t), newSigner()
	a := w.cram()
	a.says("delete:privatekey:at_secret", "error:AT0032-Illegal state : nobody could log in as the owner any more\n@alice@")
	a.says("update:privatekey:at_pkam_publickey "+s.public, "data:-1\n@alice@")
	a.says("delete:privatekey:at_secret", "data:-1\n@alice@")
	a.says("pkam:"+s.sign(a.challenge()), "data:success\n@alice@")
	if e, status := w.env.Registry.Get(a.Principal.Enrollment); status != enroll.Approved || e.App != enroll.LegacyApp {
		t.Errorf("%+v, %s", e, status)
	}
	if _, found := w.stored(enroll.LegacyKey); found {
		t.Error("the key is a record")
	}
	a.says("update:privatekey:at_pkam_publickey "+newSigner().public,
		"error:AT0009-UnAuthorized client in request : Connection with enrollment ID "+a.Principal.Enrollment+
			" is not authorized to update key: privatekey:at_pkam_publickey\n@alice@")
	b := w.stranger()
	b.says("pkam:"+s.sign(b.challenge()), "data:success\n@alice@")
}

// TestCRAMIsForBootstrap: the secret lets in for one thing (security T04).
func TestCRAMIsForBootstrap(t *testing.T) {
	w := newWorld(t)
	a := w.cram()
	for _, line := range []string{
		"scan", "llookup:x.todos@alice", "lookup:x@alice", "update:x.todos@alice v", "update:public:publickey@alice v", "update:privatekey:at_pkam_privatekey v",
		"delete:x.todos@alice", "delete:privatekey:at_secret_deleted", "update:public:signing_publickey@alice v",
	} {
		if sent, end := a.exec(line); !strings.HasPrefix(sent, "error:AT00") || end {
			t.Errorf("%s: %q", line, sent)
		}
	}
	a.says("update:privatekey:at_pkam_publickey MIIB", "error:AT0022-Illegal arguments : the public key is no RSA key in DER form\n@alice@")
	a.says("noop:0", "data:ok\n@alice@")
	if n := len(w.keys()); n != 0 {
		t.Errorf("%d records were written", n)
	}
}

// TestCRAMEndsElsewhere: when the secret is put away, the connections that
// proved it are strangers from then on.
func TestCRAMEndsElsewhere(t *testing.T) {
	w, s := newWorld(t), newSigner()
	idle := w.cram()
	a := w.cram()
	id := a.enrolled(s)
	a.says("pkam:enrollmentId:"+id+":"+s.sign(a.challenge()), "data:success\n@alice@")
	for line, want := range map[string]string{
		"noop:0":                                "data:ok\n@",
		"delete:privatekey:at_secret":           "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"update:privatekey:at_pkam_publickey k": "error:AT0401-Exception: Command cannot be executed without auth\n@",
		"scan":                                  "data:[]\n@",
		"lookup:x@alice":                        "error:AT0015-Exception: public:x@alice does not exist in keystore\n@",
		"llookup:x@alice":                       "error:AT0401-Exception: Command cannot be executed without auth\n@",
	} {
		again := &actor{Session: NewSession(""), w: w}
		again.Principal = idle.Principal
		again.says(line, want)
	}
}

// TestReplacedApp: an onboarding that failed half-way may be done again, and the
// app of the first try is out at once.
func TestReplacedApp(t *testing.T) {
	w, first, second := newWorld(t), newSigner(), newSigner()
	a := w.cram()
	one, two := a.enrolled(first), a.enrolled(second)
	b := w.stranger()
	b.says("pkam:enrollmentId:"+one+":"+first.sign(b.challenge()), "error:AT0028:enrollment_id: "+one+" is expired or invalid\n@")
	b.says("pkam:enrollmentId:"+two+":"+second.sign(b.challenge()), "data:success\n@alice@")
}

func TestEnrollRequestRefused(t *testing.T) {
	w := newWorld(t)
	a := w.cram()
	p256 := newSigner().public
	request := func(members string) string {
		return `enroll:request:{"appName":"wavi","deviceName":"pixel","apkamPublicKey":"` + p256 + `","signingAlgo":"ecc_secp256r1"` + members + `}`
	}
	const illegal = "error:AT0022-Illegal arguments : "
	for line, want := range map[string]string{
		"enroll:request":                                  illegal + "Enroll parameters not provided",
		"enroll:request:":                                 illegal + "Enroll parameters not provided",
		"enroll:request:x":                                "error:AT0003-Invalid syntax : Invalid syntax. ",
		"enroll:request:[]":                               "error:AT0003-Invalid syntax : Invalid syntax. ",
		"enroll:request:{}":                               illegal + "appName is mandatory for enroll:request",
		`enroll:request{"appName":""}`:                    illegal + "appName is mandatory for enroll:request",
		`enroll:request:{"appName":"a"}`:                  illegal + "deviceName is mandatory for enroll:request",
		`enroll:request:{"appName":"a","deviceName":"d"}`: illegal + "apkam public key is mandatory for enroll:request",
		`enroll:request:{"appName":"a","deviceName":"d","apkamPublicKey":"MIIB"}`:   illegal + "the public key is no RSA key in DER form",
		`enroll:request:{"appName":"a:b","deviceName":"d","apkamPublicKey":"MIIB"}`: illegal + "appName and deviceName are 1 to 64 of A-Z a-z 0-9 _ . -",
		`enroll:request:{"appName":"a","deviceName":"d\n","apkamPublicKey":"MIIB"}`: illegal + "appName and deviceName are 1 to 64 of A-Z a-z 0-9 _ . -",
		`enroll:request:{"appName":7}`:                                              "error:AT0010-Internal server error : ",
		`enroll:request:{"appName":"a","namespaces":["x"]}`:                         "error:AT0010-Internal server error : ",
		`enroll:request:{"appName":"a","namespaces":{"x":1}}`:                       "error:AT0010-Internal server error : ",
		request(`,"apkamKeysExpiryInMillis":"5"`):                                   "error:AT0010-Internal server error : ",
		request(`,"namespaces":{"buzz":"w"}`):                                       illegal + `Invalid access "w" for namespace "buzz" in enroll:request. Valid values are `,
		request(`,"namespaces":{"buzz":"RW"}`):                                      illegal + `Invalid access "RW" for namespace "buzz" in enroll:request. Valid values are `,
		request(`,"namespaces":{"buzz":""}`):                                        illegal + `Invalid access "" for namespace "buzz" in enroll:request. Valid values are `,
		request(`,"apsk":{},"apskLegacy":"x"`):                                      illegal + "apsk and apskLegacy are mutually exclusive: one enrollment publishes one _apsk value",
		request(`,"metadata":"` + strings.Repeat("x", 512000) + `"`):                illegal + "enroll params ",
	} {
		a.requests = nil // what one connection may ask for in an hour is another test
		sent, end := a.exec(line)
		if !strings.HasPrefix(sent, want) || end || !strings.HasSuffix(sent, "\n@alice@") {
			t.Errorf("%.80s\n got %q, ends %v\nwant %q", line, sent, end, want)
		}
	}
	a.ends(`enroll:request:{"appName":}`, "error:AT0011-Internal server exception : Exception: the JSON of enroll is malformed\n@alice@")
	if log := w.audit(); len(log) != 1 { // the login, and none of these
		t.Errorf("audit %q", log)
	}
}

// TestEnrollNamespaces: names are kept in lower case, and one that is there in
// two spellings is the same in every run (security T20).
func TestEnrollNamespaces(t *testing.T) {
	w := newWorld(t)
	seen := map[string]bool{}
	for range 40 {
		a := w.cram()
		sent, _ := a.exec(`enroll:request:{"appName":"wavi","deviceName":"pixel","apkamPublicKey":"` + newSigner().public +
			`","signingAlgo":"ecc_secp256r1","namespaces":{"Wavi":"rw","Buzz":"r","buzz":"rw","BUZZ":"r"}}`)
		if e, _ := w.env.Registry.Get(a.Principal.Enrollment); e != nil {
			if e.Grants["wavi"] != enroll.ReadWrite || e.Grants["Wavi"] != enroll.None {
				t.Fatalf("%v", e.Grants)
			}
			sent = string(e.Grants["buzz"])
		}
		seen[sent] = true
	}
	if len(seen) != 1 {
		t.Errorf("one request has many outcomes: %v", seen)
	}
}

// TestEnrollParamsIgnored: null is as good as absent, and what is unknown is
// ignored.
func TestEnrollParamsIgnored(t *testing.T) {
	a := newWorld(t).cram()
	sent, _ := a.exec(`enroll:request:{"unknown":[1],"appName":"wavi","deviceName":"pixel","apkamPublicKey":"` + newSigner().public +
		`","signingAlgo":"ecc_secp256r1","namespaces":null,"otp":null,"metadata":null,"apsk":null,"apskLegacy":"x","apkamKeysExpiryInMillis":null}`)
	if !strings.HasPrefix(sent, `data:{"enrollmentId":"`) {
		t.Errorf("%q", sent)
	}
}

// TestPKAM walks the ways to fail, which all look the same (protocol auth §6).
func TestPKAM(t *testing.T) {
	s := newSigner()
	w := newWorld(t,
		&enroll.Enrollment{ID: "app", Stored: enroll.Approved, Key: s.public, Algorithm: enroll.P256},
		&enroll.Enrollment{ID: "pending", Stored: enroll.Pending, Key: s.public, Algorithm: enroll.P256},
		&enroll.Enrollment{ID: "denied", Stored: enroll.Denied, Key: s.public, Algorithm: enroll.P256},
		&enroll.Enrollment{ID: "revoked", Stored: enroll.Revoked, Key: s.public, Algorithm: enroll.P256},
	)
	const failed = "error:AT0401-Exception: pkam authentication failed\n@"
	for name, attempt := range map[string]func(a *actor) string{
		"no from":             func(*actor) string { return "pkam:enrollmentId:app:" + s.sign("x") },
		"another's challenge": func(a *actor) string { return "pkam:enrollmentId:app:" + s.sign(w.stranger().challenge()) },
		"an old challenge": func(a *actor) string {
			old := a.challenge()
			a.challenge()
			return "pkam:enrollmentId:app:" + s.sign(old)
		},
		"the challenge cut": func(a *actor) string {
			_, id, _ := strings.Cut(a.challenge(), ":")
			return "pkam:enrollmentId:app:" + s.sign(id)
		},
		"too late": func(a *actor) string {
			l := "pkam:enrollmentId:app:" + s.sign(a.challenge())
			w.move(time.Minute)
			return l
		},
		"a clock set back": func(a *actor) string {
			l := "pkam:enrollmentId:app:" + s.sign(a.challenge())
			w.move(-time.Second)
			return l
		},
		"another key":             func(a *actor) string { return "pkam:enrollmentId:app:" + newSigner().sign(a.challenge()) },
		"no base64":               func(a *actor) string { a.challenge(); return "pkam:enrollmentId:app:???" },
		"cut":                     func(a *actor) string { l := s.sign(a.challenge()); return "pkam:enrollmentId:app:" + l[:len(l)-4] },
		"unknown algorithm":       func(a *actor) string { return "pkam:signingAlgo:rsa4096:enrollmentId:app:" + s.sign(a.challenge()) },
		"unknown hash":            func(a *actor) string { return "pkam:hashingAlgo:md5:enrollmentId:app:" + s.sign(a.challenge()) },
		"options in wrong order":  func(a *actor) string { return "pkam:hashingAlgo:sha256:signingAlgo:rsa2048:" + s.sign(a.challenge()) },
		"no id, nobody onboarded": func(a *actor) string { return "pkam:" + s.sign(a.challenge()) },
	} {
		a := w.stranger()
		line := attempt(a)
		if sent, end := a.exec(line); sent != failed || end {
			t.Errorf("%s: %q", name, sent)
		}
		a.says("llookup:x@alice", "error:AT0401-Exception: Command cannot be executed without auth\n@")
	}
	a := w.stranger()
	for _, line := range []string{"pkam:", "pkam:enrollmentId:app", "pkam:enrollmentId:app:", "pkam:enrollmentId::x"} {
		a.says(line, "error:AT0003-Exception: Invalid syntax. e.g. pkam:<signature>\n@")
	}
	for _, options := range []string{"", "signingAlgo:ecc_secp256r1:", "signingAlgo:rsa2048:hashingAlgo:sha512:", "HASHINGALGO:SHA256:", "signingalgo:ECC_SECP256R1:"} {
		b := w.stranger()
		b.says("pkam:"+options+"enrollmentId:APP:"+s.sign(b.challenge()), "data:success\n@alice@")
	}
}

// TestPKAMWaiting: apps that wait for approval try again and again on one
// connection. That is no failed proof, and changes nothing.
func TestPKAMWaiting(t *testing.T) {
	s := newSigner()
	w := newWorld(t, rootApp,
		&enroll.Enrollment{ID: "pending", Stored: enroll.Pending, Key: s.public, Algorithm: enroll.P256},
		&enroll.Enrollment{ID: "denied", Stored: enroll.Denied}, &enroll.Enrollment{ID: "revoked", Stored: enroll.Revoked})
	a, in := w.stranger(), w.app("root")
	for range 10 {
		a.says("pkam:enrollmentId:pending:"+s.sign(a.challenge()), "error:AT0026:enrollment_id: pending is pending\n@")
		in.says("pkam:enrollmentId:pending:"+s.sign(in.challenge()), "error:AT0026:enrollment_id: pending is pending\n@alice@")
	}
	for id, want := range map[string]string{"denied": "AT0025:enrollment_id: denied is denied", "revoked": "AT0027:enrollment_id: revoked is revoked",
		"unknown": "AT0028:enrollment_id: unknown is expired or invalid"} {
		a.challenge()
		a.says("pkam:enrollmentId:"+id+":x", "error:"+want+"\n@")
	}
	in.says("llookup:x@alice", "error:AT0015-key not found : x@alice does not exist in keystore\n@alice@")
}

// TestFailedProofs: the third ends the connection, whatever lay between, and
// each makes a stranger of whoever it was.
func TestFailedProofs(t *testing.T) {
	s := newSigner()
	w := newWorld(t, &enroll.Enrollment{ID: "app", Stored: enroll.Approved, Key: s.public, Algorithm: enroll.P256, Grants: enroll.Root()})
	const pkamFailed, cramFailed = "error:AT0401-Exception: pkam authentication failed\n@", "error:AT0401-Exception: Authentication Failed\n@"
	a := w.app("app")
	a.challenge()
	a.says("pkam:enrollmentId:app:x", pkamFailed)
	a.says("llookup:x@alice", "error:AT0401-Exception: Command cannot be executed without auth\n@")
	a.says("cram:x", cramFailed)
	a.says("pkam:enrollmentId:app:"+s.sign(a.challenge()), "data:success\n@alice@")
	a.ends("cram:x", cramFailed)
}
