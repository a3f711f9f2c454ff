package main

import (
	"testing"

	"atserver/store/atkey"
)

// What leaves the server is what is listed here; a key of another shape does not.
func TestPortable(t *testing.T) {
	for key, want := range map[string]bool{
		"phone.wavi@alice":                    true,
		"phone@alice":                         true,
		"_hidden.wavi@alice":                  true,
		"@alice:mine.wavi@alice":              true,
		"@bob:phone.wavi@alice":               true,
		"@bob:_hidden.wavi@alice":             true,
		"public:phone.wavi@alice":             true,
		"public:__hidden.wavi@alice":          true,
		"shared_key.bob@alice":                true,
		"shared_key.bob.until.17@alice":       true,
		"@bob:shared_key@alice":               true,
		"public:publickey@alice":              true,
		"x.manage@alice":                      true,
		"x.__manage.wavi@alice":               true,
		"public:signing_publickey@alice":      false,
		"public:signing_publickeys@alice":     false,
		"@alice:signing_privatekey@alice":     false,
		"signing_privatekey@alice":            false,
		"privatekey:at_secret":                false,
		"privatekey:at_pkam_publickey":        false,
		"private:blocklist@alice":             false,
		"private:x.wavi@alice":                false,
		"configkey":                           false,
		"_latestnotificationidv2":             false,
		"public:_4af2@alice":                  false,
		"local:x.wavi@alice":                  false,
		"cached:@alice:phone.wavi@bob":        false,
		"cached:public:publickey@bob":         false,
		"cached:public:x.wavi@alice":          false,
		"phone.wavi@bob":                      false,
		"@alice:phone.wavi@bob":               false,
		"0b9e.new.enrollments.__manage@alice": false,
		"k.__manage@alice":                    false,
		"public:k.__manage@alice":             false,
		"@bob:k.__otp@alice":                  false,
		"k.__pkams@alice":                     false,
		"k.__global@alice":                    false,
		"_apsk.0b9e.a.__e@alice":              false,
		"public:_apsk.0b9e.a.__e@alice":       false,
		"event.__atserver@alice":              false,
	} {
		k, err := atkey.Parse(key)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if portable(k, "@alice") != want {
			t.Errorf("%s: %v, want %v", key, !want, want)
		}
	}
	for _, text := range []string{"Phone.wavi@alice", "phone.wavi", "", "a,b@alice"} {
		if _, ok := portableKey(text, "@alice"); ok {
			t.Errorf("%q is a key", text)
		}
	}
}
