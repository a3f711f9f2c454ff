package verbs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// scanned reads fragments off a command and renders what was found.
func scanned(text string) (found, rest string, err error) {
	l := line{rest: text}
	f, err := l.fragments()
	if err != nil {
		return "", "", err
	}
	var parts []string
	for name, n := range map[string]*int64{"ttl": f.ttl, "ttb": f.ttb, "ttr": f.ttr} {
		if n != nil {
			parts = append(parts, fmt.Sprintf("%s=%d", name, *n))
		}
	}
	for name, b := range map[string]*bool{"ccd": f.ccd, "bin": f.isBinary, "enc": f.isEncrypted, "imm": f.immutable} {
		if b != nil {
			parts = append(parts, fmt.Sprintf("%s=%v", name, *b))
		}
	}
	for name, at := range map[string]*time.Time{"cAt": f.createdAt, "uAt": f.updatedAt, "eAt": f.expiresAt, "aAt": f.availableAt} {
		if at != nil {
			parts = append(parts, name+"="+at.Format("2006-01-02T15:04:05.999999999Z07:00"))
		}
	}
	for name, value := range f.texts {
		parts = append(parts, name+"="+value)
	}
	if f.appMetadata != nil {
		parts = append(parts, "app="+string(f.appMetadata))
	}
	slices.Sort(parts)
	return strings.Join(parts, " "), l.rest, nil
}

func TestFragments(t *testing.T) {
	meta := base64.StdEncoding.EncodeToString([]byte(`{ "a" : [1, "x:y" ] }`))
	for _, c := range []struct{ text, found, rest string }{
		{"", "", ""},
		{":x@alice", "", ":x@alice"},
		{":public:x@alice", "", ":public:x@alice"},
		{":@bob:x@alice", "", ":@bob:x@alice"},
		{":ttl:5:x@alice", "ttl=5", ":x@alice"},
		{":ttl:0:ttb:0:ttr:-1:x@alice", "ttb=0 ttl=0 ttr=-1", ":x@alice"},
		{":ttl:-0:x", "ttl=0", ":x"},
		{":ttr:0:x@alice", "", ":x@alice"}, // as if it were not given
		{":ccd:true:isBinary:false:isEncrypted:true:immutable:false:x", "bin=false ccd=true enc=true imm=false", ":x"},

		// In any order, in any case, whatever clients send (README of the contract).
		{":x", "", ":x"},
		{":isEncrypted:true:ttl:1:@bob:x@alice", "enc=true ttl=1", ":@bob:x@alice"},
		{":TTL:1:ISBINARY:TRUE:IvNonce:AbC=:public:x@alice", "bin=true ivnonce=AbC= ttl=1", ":public:x@alice"},
		{":sharedKeyEnc:a+/b==:pubKeyCS:0F:isBinary:false:isEncrypted:false:@bob:x@alice", "bin=false enc=false pubkeycs=0F sharedkeyenc=a+/b==", ":@bob:x@alice"},
		{":dataSignature:s:sharedKeyEnc:e:pubKeyCS:c:pubKeyHash:h:hashingAlgo:sha512:encoding:base64:encKeyName:k:encAlgo:AES/SIC/PKCS7Padding:ivNonce:n:skeEncKeyName:q:skeEncAlgo:z:x",
			"datasignature=s encalgo=AES/SIC/PKCS7Padding enckeyname=k encoding=base64 hashingalgo=sha512 ivnonce=n pubkeycs=c pubkeyhash=h sharedkeyenc=e skeencalgo=z skeenckeyname=q", ":x"},
		{":sharedKeyStatus:SENT:ttl:1:x", "ttl=1", ":x"},
		{":encoding:null:appMetadata:null:x", "app= encoding=null", ":x"},
		{":appMetadata:" + meta + ":x", `app={"a":[1,"x:y"]}`, ":x"},

		// Times hold colons.
		{":cAt:2026-10-04T10:45:00.721000Z:ttl:5:x", "cAt=2026-10-04T10:45:00.721Z ttl=5", ":x"},
		{":uAt:2026-10-04T10:45:00Z:eAt:2026-10-04t10:45:00.7219999z:aAt:2026-10-04T10:45:00.5Z:@bob:x",
			"aAt=2026-10-04T10:45:00.5Z eAt=2026-10-04T10:45:00.721Z uAt=2026-10-04T10:45:00Z", ":@bob:x"},
		{":eAt:2026-10-04T10:45:00Z", "eAt=2026-10-04T10:45:00Z", ""},

		// A name without a value behind it, or one that is none, begins the key.
		{":ttl@alice", "", ":ttl@alice"},
		{":encoding.wavi@alice", "", ":encoding.wavi@alice"},
		{":ttln:5:x", "", ":ttln:5:x"},
		{":version:5:x", "", ":version:5:x"},
		{":status:active:x", "", ":status:active:x"},
		{":ttl:5:unknown:1:ttb:2:x", "ttl=5", ":unknown:1:ttb:2:x"},
		{":ttl:5", "ttl=5", ""},
		{"ttl:5:x", "", "ttl:5:x"},
	} {
		found, rest, err := scanned(c.text)
		if err != nil || found != c.found || rest != c.rest {
			t.Errorf("%s\n got %q, left %q, %v\nwant %q, left %q", c.text, found, rest, err, c.found, c.rest)
		}
	}
}

func TestFragmentsRefused(t *testing.T) {
	long, short := "Valid value for TTL should be greater than or equal to 0", "Valid values for TTR are -1 and greater than or equal to 1"
	birth := "Valid value for TTB should be greater than or equal to 0"
	metadata := "appMetadata must be base64 of a JSON object"
	encoded := func(s string) string { return ":appMetadata:" + base64.StdEncoding.EncodeToString([]byte(s)) + ":x" }
	for text, want := range map[string]string{ // "" is the grammar
		":ttl:5:ttl:5:x":                    "",
		":ttl:5:TTL:6:x":                    "",
		":encoding:a:ttl:5:Encoding:a":      "",
		":ttl::x":                           "",
		":ttl:5.5:x":                        "",
		":ttl:5s:x":                         "",
		":ttl:+5:x":                         "",
		":ttl:--5:x":                        "",
		":ttl:-:x":                          "",
		":ttl: 5:x":                         "",
		":ttl:٥:x":                          "", // a digit, but not of ASCII
		":ttl:x@alice":                      "",
		":ttl:-1:x":                         long,
		":ttl:9223372036854775808:x":        long,
		":ttl:99999999999999999999:x":       long,
		":ttb:-1:x":                         birth,
		":ttb:9223372036854775808:x":        birth,
		":ttr:-2:x":                         short,
		":ttr:9223372036854775808:x":        short,
		":ttr:-9223372036854775809:x":       short,
		":ccd:yes:x":                        "",
		":ccd:1:x":                          "",
		":isBinary:truee:x":                 "",
		":isEncrypted:null:x":               "",
		":immutable::x":                     "",
		":encoding::x":                      "",
		":encoding:a b:x":                   "",
		":encoding:a\tb:x":                  "",
		":encoding:a@b:x":                   "",
		":cAt:2026-10-04:x":                 "",
		":cAt:2026-10-04T10:45:00:x":        "", // whose time is it?
		":cAt:2026-10-04T10:45Z:x":          "",
		":cAt:2026-13-04T10:45:00Z:x":       "",
		":cAt:2026-02-30T10:45:00Z:x":       "",
		":cAt:2026-10-04T25:45:00Z:x":       "",
		":cAt:2026-10-04 10:45:00Z:x":       "",
		":cAt:12026-10-04T10:45:00Z:x":      "",
		":cAt:2026-10-04T10:45:00.Z:x":      "",
		":cAt:Z:x":                          "",
		":cAt::x":                           "",
		":eAt:never:x":                      "",
		":uAt:2026-10-04T10:45:00+02:00Z:x": "",
		":cAt:2026-10-04T10:45:00Z:cAt:2026-10-04T10:45:00Z:x@alice": "",
		":appMetadata:{}:x":         metadata,
		":appMetadata:e30:x":        metadata, // base64 without its padding
		encoded(`[]`):               metadata,
		encoded(`"text"`):           metadata,
		encoded(`null`):             metadata,
		encoded(`{"a":1}{}`):        metadata,
		encoded(`{"a":`):            metadata,
		encoded(`{'a':1}`):          metadata,
		encoded("{\"a\":\"\n\"}"):   metadata,
		encoded("{\"a\":\"\xff\"}"): metadata,
		encoded(``):                 "",
	} {
		_, _, err := scanned(text)
		if err == nil {
			f, _ := (&line{rest: text}).fragments()
			err = f.fault
		}
		var known *Error
		if want == "" && err != errSyntax {
			t.Errorf("%s: %v, want a syntax error", text, err)
		}
		if want != "" && (!errors.As(err, &known) || known.Code != "AT0003" || known.Message != want || known.Close) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// TestFragmentsInAnyOrder: each order of the same fragments says the same.
func TestFragmentsInAnyOrder(t *testing.T) {
	parts := map[string]bool{
		":ttl:1": true, ":isBinary:true": true, ":eAt:2026-10-04T10:45:00Z": true, ":sharedKeyEnc:ab==": true, ":appMetadata:e30=": true, ":ccd:false": true,
	}
	want, _, err := scanned(strings.Join(slices.Sorted(maps.Keys(parts)), "") + ":x")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		text := strings.Join(slices.Collect(maps.Keys(parts)), "") // maps have a new order each time
		if found, rest, err := scanned(text + ":x"); err != nil || found != want || rest != ":x" {
			t.Fatalf("%s: %q, left %q, %v", text, found, rest, err)
		}
	}
}
