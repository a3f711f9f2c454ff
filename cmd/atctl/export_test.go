package main

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"atserver/enroll/atauth"
)

// keys are those of @alice.
func (p *place) keys(t *testing.T) atauth.Keys {
	t.Helper()
	keys, err := atauth.ReadKeys(p.keyFile(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// tell says to the server what atctl has no command for.
func (p *place) tell(t *testing.T, lines ...string) {
	t.Helper()
	client, err := atauth.Dial(t.Context(), atauth.Options{Sign: "@alice", Server: p.server, CAFile: p.ca})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Authenticate(t.Context(), p.keys(t)); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if _, err := client.Ask(t.Context(), line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

// exported reads an export: its header, and its records by their keys.
func exported(t *testing.T, text string) (exportHeader, map[string]exportLine) {
	t.Helper()
	var header exportHeader
	lines := map[string]exportLine{}
	for text := range strings.Lines(text) {
		if header.Format == "" {
			if err := json.Unmarshal([]byte(text), &header); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			continue
		}
		var line exportLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, twice := lines[line.Key]; twice {
			t.Errorf("%s is there twice", line.Key)
		}
		lines[line.Key] = line
	}
	return header, lines
}

// sharedText encrypts a text as the SDKs do for somebody else: with a key that is
// kept encrypted for the owner, too.
func sharedText(t *testing.T, owner *rsa.PublicKey, text string) (sealed, iv, data string) {
	t.Helper()
	key, start := make([]byte, 32), make([]byte, aes.BlockSize)
	rand.Read(key)
	rand.Read(start)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	pad := aes.BlockSize - len(text)%aes.BlockSize
	out := append([]byte(text), bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCTR(block, start).XORKeyStream(out, out)
	wrapped, err := rsa.EncryptPKCS1v15(nil, owner, []byte(encode(key))) //lint:ignore SA1019 the SDKs know no other padding
	if err != nil {
		t.Fatal(err)
	}
	return encode(wrapped), encode(start), encode(out)
}

// rich stores records of every kind, and returns the keys of those that are exported.
func (p *place) rich(t *testing.T) []string {
	t.Helper()
	sealed, iv, data := sharedText(t, &p.keys(t).Encryption.PublicKey, "for bob")
	p.ok(t, "self", "put", "self.test")
	p.ok(t, "one\ntwo\n", "put", "lines.test", "-", "--public")
	p.ok(t, "\xff\x00", "put", "bytes.test", "-")
	p.ok(t, "soon", "put", "unborn.test", "-", "--ttb=24h", "--ttl=48h")
	p.ok(t, "hidden", "put", "_hidden.test")
	p.tell(t,
		"update:shared_key.bob@alice "+sealed,
		"update:ttr:3600:ccd:true:isEncrypted:true:ivNonce:"+iv+":@bob:phone.test@alice "+data,
		"update:@bob:shared_key@alice forbob",
		"update:nc:silent.test@alice v",
		"update:public:__hidden.test@alice v",
		"update:public:_internal.test@alice v",
		`update:json:{"atKey":"raw.test@alice","value":" a\nb\u0000\u2028 \"<>&\" ","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false,"appMetadata":{"a":["<",1]},`+
			`"pubKeyHash":{"hash":"h","hashingAlgo":"sha512"},"encAlgo":"AES"}}`,
		`update:json:{"atKey":"empty.test@alice","value":"","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false}}`,
		"update:meta:bare.test@alice:ttr:-1",
		"update:immutable:true:locked.test@alice v",
		"update:cAt:2020-01-02T03:04:05.678Z:uAt:2021-01-02T03:04:05.678Z:eAt:2121-01-02T03:04:05.678Z:dated.test@alice v",
		"update:gone.test@alice v", "delete:gone.test@alice",
	)
	return []string{
		"@bob:phone.test@alice", "@bob:shared_key@alice", "_hidden.test@alice", "bare.test@alice", "bytes.test@alice", "dated.test@alice", "empty.test@alice",
		"locked.test@alice", "public:__hidden.test@alice", "public:lines.test@alice", "public:publickey@alice", "raw.test@alice", "self.test@alice",
		"shared_key.bob@alice", "silent.test@alice", "unborn.test@alice",
	}
}

func TestExport(t *testing.T) {
	p := onboarded(t)
	want := p.rich(t)
	header, lines := exported(t, p.ok(t, "", "export"))
	if header != (exportHeader{"atserver-export", 1, "@alice"}) {
		t.Errorf("header %+v", header)
	}
	if got := slices.Sorted(maps.Keys(lines)); !slices.Equal(got, want) {
		t.Errorf("exported\n%q\nwant\n%q", got, want)
	}
	if line := lines["raw.test@alice"]; *line.Value != " a\nb\x00\u2028 \"<>&\" " || string(line.Metadata.AppMetadata) != `{"a":["<",1]}` || line.Metadata.PubKeyHash.Algorithm != "sha512" {
		t.Errorf("%+v", line)
	}
	if line := lines["bare.test@alice"]; line.Value != nil || *line.Metadata.TTR != -1 {
		t.Errorf("%+v", line)
	}
	if line := lines["self.test@alice"]; line.Plain != nil || *line.Value == "self" || line.Metadata.CreatedBy != "@alice" {
		t.Errorf("%+v", line)
	}
	// What the log does not have tells its metadata in the same form.
	if line := lines["silent.test@alice"]; *line.Value != "v" || line.Metadata.CreatedAt.IsZero() || *line.Metadata.IsEncrypted {
		t.Errorf("%+v", line)
	}
}

func TestExportFile(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "self", "put", "self.test")
	file := filepath.Join(t.TempDir(), "export")
	if err := os.WriteFile(file, []byte("older"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := p.ctl(t, "", "export", file, "--server=127.0.0.1:1"); code != exitUnreachable {
		t.Errorf("exit code %d, %s", code, errs)
	}
	s := openOldServer(t, p, oldEntry{id: 0, key: "k.test@alice"})
	s.answers = map[string]string{"sync:": "error:AT0011-Internal server exception : disk"}
	if _, errs, code := p.ctl(t, "", "export", file, "--server", s.address); code != exitFailed {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if text, err := os.ReadFile(file); string(text) != "older" {
		t.Errorf("after a failure: %q, %v", text, err)
	}
	var count struct{ Written int }
	if err := json.Unmarshal([]byte(p.ok(t, "", "export", file, "--json")), &count); err != nil || count.Written != 2 {
		t.Errorf("%+v, %v", count, err)
	}
	text, err := os.ReadFile(file)
	if _, lines := exported(t, string(text)); err != nil || len(lines) != 2 {
		t.Errorf("%s, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if list, _ := os.ReadDir(filepath.Dir(file)); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

func TestExportDecrypts(t *testing.T) {
	p := onboarded(t)
	p.rich(t)
	_, lines := exported(t, p.ok(t, "", "export", "--decrypt"))
	for key, want := range map[string]string{
		"self.test@alice": "self", "public:lines.test@alice": "one\ntwo\n", "unborn.test@alice": "soon", "silent.test@alice": "v", "empty.test@alice": "",
		"@bob:phone.test@alice": "for bob",
	} {
		if got := lines[key].Plain; got == nil || *got != want {
			t.Errorf("%s in the clear: %v, want %q", key, got, want)
		}
	}
	if got := lines["bytes.test@alice"]; string(got.PlainBase64) != "\xff\x00" || got.Plain != nil {
		t.Errorf("bytes in the clear: %+v", got)
	}
	for _, key := range []string{"shared_key.bob@alice", "@bob:shared_key@alice", "bare.test@alice"} {
		if line := lines[key]; line.Plain != nil || line.PlainBase64 != nil {
			t.Errorf("%s in the clear: %+v", key, line)
		}
	}
}

// An app exports what it may read, no more.
func TestExportOfAnApp(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "", "put", "milk.todos", "1")
	p.ok(t, "", "put", "diary.notes", "1")
	device := t.TempDir()
	id := p.request(t, device, "--app=todos", "--device=desk", "--ns=todos:r")
	p.ok(t, "", "enroll", "approve", "--yes", id)
	p.on(t, device, func() {
		p.ok(t, "", "enroll", "request", "--app=todos", "--device=desk")
		_, lines := exported(t, p.ok(t, "", "export", "--keys", filepath.Join(device, ".atsign", "keys", "@alice_todos_desk_key.atKeys")))
		if got := slices.Sorted(maps.Keys(lines)); !slices.Equal(got, []string{"milk.todos@alice", "public:publickey@alice"}) {
			t.Errorf("exported %q", got)
		}
	})
}
