package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func (p *place) meta(t *testing.T, key string) (m metadata) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.ok(t, "", "meta", key, "--json")), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMeta(t *testing.T) {
	p := onboarded(t)
	p.ok(t, "\xff", "put", "k.test", "-", "--ttl=1h")
	out := p.ok(t, "", "meta", "k.test")
	for _, want := range []string{"NAME ", "createdAt ", "ttl          3600000\n", "isEncrypted  true\n", "version      0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("metadata do not say %q:\n%s", want, out)
		}
	}
	before := p.meta(t, "k.test")
	p.ok(t, "", "meta", "k.test", "--ttl=0", "--ttr=1h", "--ccd")
	m := p.meta(t, "k.test")
	if *m.TTL != 0 || !m.ExpiresAt.IsZero() || *m.TTR != 3600 || !*m.CCD || m.TTB != nil || *m.Version != 1 {
		t.Errorf("changed: %+v", m)
	}
	// What was not asked for is as before, so that the value can still be read.
	if !*m.IsEncrypted || !*m.IsBinary || m.IVNonce != before.IVNonce || p.ok(t, "", "get", "k.test") != "\xff" {
		t.Errorf("changed too much: %+v", m)
	}
	var done struct{ Key string }
	if err := json.Unmarshal([]byte(p.ok(t, "", "meta", "k.test", "--ttr=-1", "--no-ccd", "--json")), &done); err != nil || done.Key != "k.test@alice" {
		t.Errorf("%+v, %v", done, err)
	}
	if m = p.meta(t, "k.test"); *m.TTR != -1 || *m.CCD || !m.RefreshAt.IsZero() {
		t.Errorf("for ever: %+v", m)
	}
	p.ok(t, "", "meta", "k.test", "--ttb=1m")
	if _, errs, code := p.ctl(t, "", "meta", "k.test"); code != exitNotFound {
		t.Errorf("unborn: exit code %d, %s", code, errs)
	}
	p.pass(time.Minute + time.Second)
	p.ok(t, "", "meta", "k.test", "--immutable")
	if _, errs, code := p.ctl(t, "", "meta", "k.test", "--ttl=1h"); code != exitFailed || !strings.Contains(errs, "mmutable") {
		t.Errorf("immutable: exit code %d, %s", code, errs)
	}
}

func TestMetaRefused(t *testing.T) {
	p := onboarded(t)
	for name, c := range map[string]struct {
		args []string
		code int
	}{
		"not there":      {[]string{"none.test"}, exitNotFound},
		"nor made":       {[]string{"none.test", "--ttl=1h"}, exitNotFound},
		"not public":     {[]string{"@carol:k.test@bob"}, exitUsage},
		"not our own":    {[]string{"cached:public:k.test@bob", "--ttl=1h"}, exitNotFound},
		"the server's":   {[]string{"privatekey:at_secret", "--ttl=1h"}, exitUsage},
		"half a second":  {[]string{"k.test", "--ttr=500ms"}, exitUsage},
		"nothing":        {[]string{"k.test", "--ttr=0"}, exitUsage},
		"microseconds":   {[]string{"k.test", "--ttl=1us"}, exitUsage},
		"negative birth": {[]string{"k.test", "--ttb=-1s"}, exitUsage},
	} {
		if _, errs, code := p.ctl(t, "", append([]string{"meta"}, c.args...)...); code != c.code {
			t.Errorf("%s: exit code %d, %s", name, code, errs)
		}
	}
	if out := p.ok(t, "", "scan", "none", "--json"); out != "[]\n" {
		t.Errorf("a record was made: %s", out)
	}
}
