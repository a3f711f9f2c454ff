package main

import (
	"atserver/cmd/console"
	"atserver/enroll/atauth"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ctl is atctl with something on its standard input. It returns what was written
// and the exit code.
func ctl(t *testing.T, input string, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	con := &console.Console{In: strings.NewReader(input), Out: &stdout, Err: &stderr}
	con.Ask = func(prompt string) ([]byte, error) { return nil, errors.New("there is no terminal to ask on") }
	con.Confirm = func(question string) (bool, error) { return false, errors.New("there is no terminal to ask on") }
	code = run(t.Context(), args, con)
	return stdout.String(), stderr.String(), code
}

func TestUsage(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	garbage := write("@alice_key.atKeys", "garbage")
	empty := write("empty", "\n")
	lines := write("lines", "one\ntwo\n")
	keys := filepath.Join(home, "@carol_key.atKeys")
	k, err := atauth.Generate("@carol")
	if err == nil {
		err = atauth.WriteKeys(keys, k, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no command":         {nil, exitUsage, "expected one of"},
		"unknown command":    {[]string{"fly"}, exitUsage, "unexpected argument fly"},
		"unknown flag":       {[]string{"scan", "--fast"}, exitUsage, "unknown flag --fast"},
		"no key":             {[]string{"get"}, exitUsage, `expected "<key>"`},
		"too much":           {[]string{"get", "a.b", "c.d"}, exitUsage, "unexpected argument c.d"},
		"who":                {[]string{"scan"}, exitUsage, "--atsign"},
		"who, with a file":   {[]string{"scan", "--keys", lines}, exitFailed, "not a key file"},
		"bad atSign":         {[]string{"scan", "-a", "@a@b"}, exitUsage, "no atSign"},
		"no key file":        {[]string{"scan", "-a", "@bob"}, exitFailed, "onboard first"},
		"bad key file":       {[]string{"scan", "--keys", garbage}, exitFailed, garbage + ": not a key file"},
		"blank in regex":     {[]string{"scan", "-a", "@bob", "a b"}, exitUsage, "blanks"},
		"negative ttl":       {[]string{"put", "-a", "@bob", "--ttl=-1s", "k.n", "v"}, exitUsage, "--ttl"},
		"ttb in between":     {[]string{"put", "-a", "@bob", "--ttb", "1us", "k.n", "v"}, exitUsage, "--ttb"},
		"no duration":        {[]string{"put", "-a", "@bob", "--ttb", "soon", "k.n", "v"}, exitUsage, "--ttb"},
		"onboard whom":       {[]string{"onboard", "--keys", lines}, exitUsage, "--atsign"},
		"no secret file":     {[]string{"onboard", "-a", "@bob", "--cram-secret-file", home + "/none"}, exitFailed, "none"},
		"empty secret file":  {[]string{"onboard", "-a", "@bob", "--cram-secret-file", empty}, exitUsage, "one line"},
		"two secrets":        {[]string{"onboard", "-a", "@bob", "--cram-secret-file", lines}, exitUsage, "one line"},
		"no secret on input": {[]string{"onboard", "-a", "@bob"}, exitUsage, "standard input"},
		"no terminal":        {[]string{"onboard", "-a", "@bob", "--passphrase"}, exitFailed, "no terminal"},
		"passcode of whom":   {[]string{"enroll", "request", "--app=a", "--ns=a:r"}, exitUsage, "--atsign"},
		"no app":             {[]string{"enroll", "request", "-a", "@bob", "--ns=a:r"}, exitUsage, "--app"},
		"app is a path":      {[]string{"enroll", "request", "-a", "@bob", "--app=../a", "--ns=a:r"}, exitUsage, "--app is 1 to 64"},
		"device is empty":    {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--device=", "--ns=a:r"}, exitUsage, "--device is 1 to 64"},
		"no namespace":       {[]string{"enroll", "request", "-a", "@bob", "--app=a"}, exitUsage, "--ns todos:rw"},
		"no access":          {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--ns=todos"}, exitUsage, "todos:rw"},
		"odd access":         {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--ns=todos:w"}, exitUsage, "todos:rw"},
		"odd lifetime":       {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--ns=a:r", "--lifetime=-1h"}, exitUsage, "--lifetime"},
		"odd wait":           {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--ns=a:r", "--wait=-1s"}, exitUsage, "--wait"},
		"no passcode":        {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--ns=a:r"}, exitUsage, "standard input"},
		"passcode argument":  {[]string{"enroll", "request", "-a", "@bob", "--app=a", "--ns=a:r", "K4XQ7B"}, exitUsage, "unexpected argument"},
		"no such status":     {[]string{"enroll", "list", "-a", "@bob", "--status=gone"}, exitUsage, "--status"},
		"approve whom":       {[]string{"enroll", "approve", "-a", "@bob"}, exitUsage, `expected "<id>"`},
		"odd passcode life":  {[]string{"otp", "-a", "@bob", "--ttl=-1s"}, exitUsage, "--ttl"},
		"passcode to set":    {[]string{"otp", "-a", "@bob", "--set"}, exitUsage, "standard input"},
		"meta of what":       {[]string{"meta", "-a", "@bob"}, exitUsage, `expected "<key>"`},
		"odd refresh":        {[]string{"meta", "-a", "@bob", "k.n", "--ttr=-2"}, exitUsage, "--ttr"},
		"odd figure":         {[]string{"stats", "-a", "@bob", "three"}, exitUsage, `"three"`},
		"blank in sync":      {[]string{"sync", "-a", "@bob", "a b"}, exitUsage, "blanks"},
		"odd beginning":      {[]string{"sync", "--keys", keys, "--from=-2"}, exitUsage, "--from"},
		"no pause":           {[]string{"sync", "-a", "@bob", "--every=0"}, exitUsage, "--every"},
		"move from where":    {[]string{"move-from", "-a", "@bob"}, exitUsage, "expected"},
		"move from nowhere":  {[]string{"move-from", "-a", "@bob", "old.example"}, exitUsage, "host:port"},
		"share with whom":    {[]string{"share", "-a", "@bob", "k.n"}, exitUsage, "expected"},
		"share with nobody":  {[]string{"share", "-a", "@bob", "k.n", "@c@d", "v"}, exitUsage, "no atSign"},
		"odd copies":         {[]string{"share", "-a", "@bob", "--ttr=1ms", "k.n", "@alice", "v"}, exitUsage, "--ttr"},
		"notify whom":        {[]string{"notify", "-a", "@bob"}, exitUsage, "expected"},
		"text with atSign":   {[]string{"notify", "-a", "@bob", "@alice", "--text", "mail me@home"}, exitUsage, "without @"},
		"text in two lines":  {[]string{"notify", "-a", "@bob", "@alice", "--text", "a\nb"}, exitUsage, "one line"},
		"text of one letter": {[]string{"notify", "-a", "@bob", "@alice", "--text", "a"}, exitUsage, "2 characters"},
		"text and value":     {[]string{"notify", "-a", "@bob", "@alice", "--text", "ab", "c"}, exitUsage, "no value"},
		"value of deleted":   {[]string{"notify", "-a", "@bob", "@alice", "--delete", "k.n", "c"}, exitUsage, "no value"},
		"text is deleted":    {[]string{"notify", "-a", "@bob", "@alice", "--delete", "--text", "ab"}, exitUsage, "--delete"},
		"worth nothing":      {[]string{"notify", "-a", "@bob", "@alice", "--ttl=0", "k.n"}, exitUsage, "--ttl"},
		"status of what":     {[]string{"notify", "status", "-a", "@bob"}, exitUsage, "expected"},
		"status of two":      {[]string{"notify", "status", "-a", "@bob", "a b"}, exitUsage, "no id"},
		"colon in list":      {[]string{"notify", "list", "-a", "@bob", "a:b"}, exitUsage, "colons"},
		"blank in monitor":   {[]string{"monitor", "-a", "@bob", "a b"}, exitUsage, "blanks"},
		"odd time":           {[]string{"monitor", "-a", "@bob", "--since=yesterday"}, exitUsage, "--since"},
		"no heartbeat":       {[]string{"monitor", "-a", "@bob", "--every=0"}, exitUsage, "--every"},
		"secret as argument": {[]string{"onboard", "-a", "@bob", "s3cr3t"}, exitUsage, "unexpected argument"},
	} {
		out, errs, code := ctl(t, "", c.args...)
		if code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%s: exit code %d, said %q and %q; want code %d and %q", name, code, out, errs, c.code, c.says)
		}
		if !strings.HasPrefix(errs, "atctl: ") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: %q is not one line of atctl", name, errs)
		}
	}
}

func TestHelp(t *testing.T) {
	out, errs, code := ctl(t, "", "--help")
	if code != 0 || errs != "" {
		t.Errorf("exit code %d, %q", code, errs)
	}
	for _, want := range []string{"onboard", "put", "get", "share", "notify send", "monitor", "scan", "delete", "otp", "enroll request", "enroll approve", "meta", "sync", "export", "import", "move-from", "stats", "whoami", "$ATCTL_CA", "Exit codes"} {
		if !strings.Contains(out, want) {
			t.Errorf("help does not mention %s", want)
		}
	}
	if out, _, code := ctl(t, "", "version"); code != 0 || !strings.HasPrefix(out, "atctl ") {
		t.Errorf("version: %q, exit code %d", out, code)
	}
	if out, _, code := ctl(t, "", "onboard", "--help"); code != 0 || !strings.Contains(out, deviceName()) {
		t.Errorf("exit code %d, no default device in the help of onboard", code)
	}
}

// Flags may stand in the environment; those given win.
func TestEnvironment(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("ATCTL_ATSIGN", "@carol")
	t.Setenv("ATCTL_TTL", "soon")
	if _, errs, code := ctl(t, "", "scan"); code != exitFailed || !strings.Contains(errs, "@carol_key.atKeys") {
		t.Errorf("exit code %d, %q; want it to look for the keys of @carol", code, errs)
	}
	if _, errs, _ := ctl(t, "", "scan", "-a", "@dave"); !strings.Contains(errs, "@dave_key.atKeys") {
		t.Errorf("%q; want it to look for the keys of @dave", errs)
	}
	if _, errs, code := ctl(t, "", "put", "k.n", "v"); code != exitUsage || !strings.Contains(errs, "soon") {
		t.Errorf("exit code %d, %q; want a complaint about ATCTL_TTL", code, errs)
	}
}

func TestIdentity(t *testing.T) {
	t.Setenv("HOME", "/home/x")
	for _, c := range []struct {
		atsign, keys string
		sign, path   string
	}{
		{"@alice", "", "@alice", "/home/x/.atsign/keys/@alice_key.atKeys"},
		{"Al.Ice", "", "@alice", "/home/x/.atsign/keys/@alice_key.atKeys"},
		{"", "/k/@bob_key.atKeys", "@bob", "/k/@bob_key.atKeys"},
		{"@alice", "/k/@bob_key.atKeys", "@alice", "/k/@bob_key.atKeys"},
		{"", "/k/mine.json", "", "/k/mine.json"},
	} {
		sign, path, err := (&globals{Atsign: c.atsign, Keys: c.keys}).identity()
		if err != nil || string(sign) != c.sign || path != c.path {
			t.Errorf("%+v: %q, %q, %v", c, sign, path, err)
		}
	}
}

func TestDeviceNameIsAllowed(t *testing.T) {
	name := deviceName()
	if name == "" || len(name) > 64 || strings.ContainsAny(name, " @:/") {
		t.Errorf("device %q", name)
	}
}
