package enroll

import (
	"testing"

	"atserver/store/atkey"
)

// The enrollment that asks in these tests, and another one.
const me, other = "7c1d0000-0000-4000-8000-000000000001", "7c1d0000-0000-4000-8000-000000000002"

// rights renders what grants allow on a key: r, w and d, "-" for none.
func rights(g Grants, k atkey.Key) string {
	s := ""
	for _, c := range []struct {
		letter string
		need   Need
	}{{"r", ToRead(k)}, {"w", ToWrite(k)}, {"d", ToDelete(k)}} {
		if g.allow(me, &c.need) {
			s += c.letter
		}
	}
	if s == "" {
		return "-"
	}
	return s
}

// TestAllow is the whole rule for enrolled apps (protocol 2026 §2, security §6),
// a column for each sort of grants.
func TestAllow(t *testing.T) {
	sorts := []Grants{
		Root(),
		{Any: "rw"},
		{"app": "rw"},
		{"app": "r", Manage: "r"},
		{Manage: "rw"},
		{},
		{"app": "rw", "__otp": "rw", "__pkams": "rw", "__atserver": "rw", "__e": "rw", other + ".a.__e": "rw", Manage: "rw"},
	}
	for text, want := range map[string][]string{
		"x.app@alice":                   {"rwd", "rwd", "rwd", "r", "-", "-", "rwd"},
		"@bob:x.app@alice":              {"rwd", "rwd", "rwd", "r", "-", "-", "rwd"},
		"cached:@alice:x.app@bob":       {"rwd", "rwd", "rwd", "r", "-", "-", "rwd"},
		"local:x.app@alice":             {"rwd", "rwd", "rwd", "r", "-", "-", "rwd"},
		"public:x.app@alice":            {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"cached:public:x.app@bob":       {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"public:x.evil@alice":           {"rwd", "rwd", "r", "r", "r", "r", "r"},
		"public:_x@alice":               {"rwd", "rwd", "r", "r", "r", "r", "r"},
		"x.evil@alice":                  {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"x@alice":                       {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"_x":                            {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"_latestnotificationidv2":       {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"private:x.app@alice":           {"-", "-", "-", "-", "-", "-", "-"},
		"private:@bob:x.app@alice":      {"-", "-", "-", "-", "-", "-", "-"},
		"x.__manage@alice":              {"-", "-", "-", "-", "-", "-", "-"},
		"x.new.enrollments.__manage@a":  {"-", "-", "-", "-", "-", "-", "-"},
		"@bob:x.__manage@alice":         {"-", "-", "-", "-", "-", "-", "-"},
		"public:x.__manage@alice":       {"r", "r", "r", "r", "r", "r", "r"},
		"abc123.__otp@alice":            {"-", "-", "-", "-", "-", "-", "-"},
		"x.__pkams@alice":               {"-", "-", "-", "-", "-", "-", "-"},
		"x.__global@alice":              {"-", "-", "-", "-", "-", "-", "-"},
		"x.__atserver@alice":            {"r", "r", "r", "r", "r", "r", "r"},
		"x." + me + ".a.__e@alice":      {"rwd", "rwd", "rwd", "rwd", "rwd", "rwd", "rwd"},
		"@bob:x." + me + ".a.__e@alice": {"rwd", "rwd", "rwd", "rwd", "rwd", "rwd", "rwd"},
		"public:_apsk." + me + ".a.__e@alice": {
			"rwd", "rwd", "rwd", "rwd", "rwd", "rwd", "rwd"},
		"x." + me + ".r.__e@alice":           {"-", "-", "-", "-", "-", "-", "-"},
		"x." + other + ".a.__e@alice":        {"-", "-", "-", "-", "-", "-", "-"},
		"x" + me + ".a.__e@alice":            {"-", "-", "-", "-", "-", "-", "-"},
		"public:x." + other + ".a.__e@alice": {"r", "r", "r", "r", "r", "r", "r"},
		"x.__e@alice":                        {"-", "-", "-", "-", "-", "-", "-"},

		// The symmetric keys of pairs: read by all, written by who writes anything.
		"@bob:shared_key@alice":       {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"@alice:shared_key@bob":       {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"@alice:shared_key@alice":     {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"shared_key.bob@alice":        {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"shared_key@alice":            {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"@bob:shared_key.bob@alice":   {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"@bob:shared_key.app@alice":   {"rwd", "rwd", "rwd", "r", "-", "-", "rwd"},
		"x.shared_key.bob@alice":      {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"shared_key.bob.app@alice":    {"rwd", "rwd", "rwd", "r", "-", "-", "rwd"},
		"public:shared_key.bob@alice": {"rwd", "rwd", "r", "r", "r", "r", "r"},
		"@bob:xshared_key@alice":      {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"@bob:shared_key_@alice":      {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"public:publickey@alice":      {"rwd", "r", "r", "r", "r", "r", "r"},
		"public:signing_publickey@alice": {
			"rwd", "r", "r", "r", "r", "r", "r"},
		"public:publickey.app@alice":             {"rwd", "rwd", "rwd", "r", "r", "r", "rwd"},
		"publickey@alice":                        {"rwd", "rwd", "-", "-", "-", "-", "-"},
		"cached:public:publickey@bob":            {"rwd", "rwd", "r", "r", "r", "r", "r"},
		"cached:public:signing_publickey@bob":    {"rwd", "rwd", "r", "r", "r", "r", "r"},
		"@alice:signing_privatekey@alice":        {"rwd", "-", "-", "-", "-", "-", "-"},
		"private:blocklist@alice":                {"-", "-", "-", "-", "-", "-", "-"},
		"configkey":                              {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:at_secret":                   {"d", "-", "-", "-", "-", "-", "-"},
		"privatekey:at_pkam_publickey":           {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:at_secret_deleted":           {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:at_pkam_privatekey":          {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:privatekey":                  {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:self_encryption_key":         {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:signing_keypair_generated":   {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:commitLogCompactionStats":    {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:accessLogCompactionStats":    {"-", "-", "-", "-", "-", "-", "-"},
		"privatekey:notificationCompactionStats": {"-", "-", "-", "-", "-", "-", "-"},
	} {
		for i, g := range sorts {
			if got := rights(g, key(text)); got != want[i] {
				t.Errorf("%v on %s: %s, want %s", g, text, got, want[i])
			}
		}
	}
}

func TestAllowWithoutKey(t *testing.T) {
	for _, c := range []struct {
		grants              Grants
		rule, read, rewrite bool
	}{
		{Root(), true, true, true},
		{Grants{Any: "rw"}, false, false, false},
		{Grants{Manage: "rw"}, false, true, true},
		{Grants{Manage: "r"}, false, true, false},
		{Grants{Any: "rw", Manage: "r"}, false, true, false},
		{Grants{Any: "r", Manage: "rw"}, false, true, true},
		{Grants{"x.__manage": "rw", "manage": "rw"}, false, false, false},
		{nil, false, false, false},
	} {
		for _, n := range []struct {
			need Need
			want bool
		}{{Need{}, true}, {ToRule(), c.rule}, {ToManage(Read), c.read}, {ToManage(ReadWrite), c.rewrite}, {ToManage(None), false}} {
			if got := c.grants.allow(me, &n.need); got != n.want {
				t.Errorf("%v allows %+v = %v", c.grants, n.need, got)
			}
		}
	}
}
