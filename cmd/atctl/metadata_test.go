package main

import (
	"encoding/json"
	"reflect"
	"testing"
)

// shown are metadata as a lookup shows them, sent the same as sync sends them.
const (
	shown = `{"createdBy":"@alice","updatedBy":"@alice","createdAt":"2024-10-24 10:00:00.123Z","updatedAt":"2024-10-25 10:00:00.000Z",` +
		`"availableAt":"2024-10-26 10:00:00.000Z","expiresAt":"2124-10-24 10:00:00.000Z","refreshAt":"2024-10-25 11:00:00.000Z","status":"active","version":3,` +
		`"ttl":60000,"ttb":0,"ttr":3600,"ccd":true,"isBinary":false,"isEncrypted":true,"dataSignature":"s/+=","sharedKeyEnc":"ske","pubKeyCS":"cs",` +
		`"pubKeyHash":{"hash":"h","hashingAlgo":"sha512"},"encoding":"base64","encKeyName":"kn","encAlgo":"AES","ivNonce":"iv==","skeEncKeyName":"sk",` +
		`"skeEncAlgo":"RSA","immutable":false,"appMetadata":{"a":[1,"<"]}}`
	sent = `{"createdBy":"@alice","updatedBy":"@alice","createdAt":"2024-10-24 10:00:00.123Z","updatedAt":"2024-10-25 10:00:00.000Z",` +
		`"availableAt":"2024-10-26 10:00:00.000Z","expiresAt":"2124-10-24 10:00:00.000Z","refreshAt":"2024-10-25 11:00:00.000Z","status":"active","version":"3",` +
		`"ttl":"60000","ttb":"0","ttr":"3600","ccd":"true","isBinary":"false","isEncrypted":"true","dataSignature":"s/+=","sharedKeyEnc":"ske","pubKeyCS":"cs",` +
		`"pubKeyHash":"{\"hash\":\"h\",\"hashingAlgo\":\"sha512\"}","encoding":"base64","encKeyName":"kn","encAlgo":"AES","ivNonce":"iv==","skeEncKeyName":"sk",` +
		`"skeEncAlgo":"RSA","immutable":"false","appMetadata":"eyJhIjpbMSwiPCJdfQ=="}`
)

func metadataFrom(t *testing.T, text string) (m metadata) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func typedFrom(t *testing.T, text string) (metadata, error) {
	t.Helper()
	var texts map[string]string
	if err := json.Unmarshal([]byte(text), &texts); err != nil {
		t.Fatal(err)
	}
	return typed(texts)
}

// Whichever way metadata came, they are the same, and in the order of the protocol.
func TestMetadata(t *testing.T) {
	m := metadataFrom(t, shown)
	if text, err := marshal(m); err != nil || string(text) != shown {
		t.Errorf("printed:\n%s, %v\nwant:\n%s", text, err, shown)
	}
	got, err := typedFrom(t, sent)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("from sync: %+v, %v\nwant %+v", got, err, m)
	}
	dart, err := typedFrom(t, `{"pubKeyHash":"{hash: h, hashingAlgo: sha512}"}`)
	if err != nil || *dart.PubKeyHash != *m.PubKeyHash {
		t.Errorf("hash from Dart: %+v, %v", dart.PubKeyHash, err)
	}
	for _, bad := range []string{`{"ttl":"soon"}`, `{"ccd":"maybe"}`, `{"createdAt":"yesterday"}`, `{"appMetadata":"%"}`, `{"appMetadata":"fQ=="}`} {
		if m, err := typedFrom(t, bad); err == nil {
			t.Errorf("%s: %+v", bad, m)
		}
	}
}

func TestFragments(t *testing.T) {
	text, plain := metadataFrom(t, shown).fragments()
	if want := ":ttl:60000:ttb:0:ttr:3600:ccd:true:cAt:2024-10-24T10:00:00.123Z:uAt:2024-10-25T10:00:00.000Z:eAt:2124-10-24T10:00:00.000Z" +
		":aAt:2024-10-26T10:00:00.000Z:dataSignature:s/+=:isBinary:false:isEncrypted:true:sharedKeyEnc:ske:pubKeyCS:cs:pubKeyHash:h" +
		":hashingAlgo:sha512:encoding:base64:encKeyName:kn:encAlgo:AES:ivNonce:iv==:skeEncKeyName:sk:skeEncAlgo:RSA:immutable:false" +
		":appMetadata:eyJhIjpbMSwiPCJdfQ=="; text != want || !plain {
		t.Errorf("%v\n%s\nwant:\n%s", plain, text, want)
	}
	if text, plain := (metadata{}).fragments(); text != "" || !plain {
		t.Errorf("nothing: %q, %v", text, plain)
	}
	for _, odd := range []string{"a:b", "a@b", "a b", "a\nb"} {
		if _, plain := (metadata{EncAlgo: odd}).fragments(); plain {
			t.Errorf("%q fits a command", odd)
		}
	}
}

// What servers keep for themselves, or say in two ways, makes no difference.
func TestSameRecord(t *testing.T) {
	of := func(value, meta string) fingerprint {
		return record{Key: "k.ns@alice", Value: &value, Metadata: metadataFrom(t, meta)}.fingerprint()
	}
	const dates = `"createdAt":"2024-10-24 10:00:00.123Z","updatedAt":"2024-10-25 10:00:00.000Z"`
	a := of("v", `{`+dates+`}`)
	for _, same := range []string{
		`"version":7,"createdBy":"@bob","refreshAt":"2024-10-25 11:00:00.000Z","status":"active"`, `"isBinary":false,"isEncrypted":false,"immutable":false`,
		`"ttl":0,"ttb":0,"availableAt":"2024-10-25 10:00:00.000Z"`, `"ccd":true`, `"encoding":"null"`,
	} {
		if b := of("v", `{`+dates+`,`+same+`}`); !a.same(b) || !a.sameContent(b) {
			t.Errorf("%s makes a difference", same)
		}
	}
	for _, other := range []string{
		`"ttl":1`, `"ttr":-1`, `"isEncrypted":true`, `"ivNonce":"iv"`, `"availableAt":"2124-10-24 10:00:00.000Z"`, `"appMetadata":{"a":1}`, `"immutable":true`,
	} {
		if b := of("v", `{`+dates+`,`+other+`}`); a.same(b) || !a.sameContent(b) {
			t.Errorf("%s makes no difference, or one of content", other)
		}
	}
	if b := of("w", `{`+dates+`}`); a.same(b) || a.sameContent(b) {
		t.Error("another value makes no difference")
	}
	if b := of("v", `{"createdAt":"2024-10-24 10:00:00.123Z","updatedAt":"2024-10-25 10:00:00.001Z"}`); a.same(b) || a.sameContent(b) {
		t.Error("another date makes no difference")
	}
	if none := (record{}).fingerprint(); none.same(record{Value: new(string)}.fingerprint()) {
		t.Error("no value is an empty one")
	}
}

func TestUpdateCommand(t *testing.T) {
	text := func(s string) *string { return &s }
	meta := metadata{IsEncrypted: new(bool), EncAlgo: "AES"}
	for name, c := range map[string]struct {
		record
		want string
	}{
		"plain":     {record{"@bob:k.ns@alice", text("v: @ x"), meta}, "update:isEncrypted:false:encAlgo:AES:@bob:k.ns@alice v: @ x"},
		"bare":      {record{"public:k.ns@alice", text("v"), metadata{}}, "update:public:k.ns@alice v"},
		"no value":  {record{"k.ns@alice", nil, meta}, "update:meta:k.ns@alice:isEncrypted:false:encAlgo:AES"},
		"line feed": {record{"public:k.ns@alice", text("<a\nb>"), meta}, `update:json:{"atKey":"public:k.ns@alice","value":"<a\nb>","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false,"encAlgo":"AES"}}`},
		"blanks":    {record{"k.ns@alice", text(" v"), metadata{}}, `update:json:{"atKey":"k.ns@alice","value":" v","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false}}`},
		"empty":     {record{"k.ns@alice", text(""), metadata{}}, `update:json:{"atKey":"k.ns@alice","value":"","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false}}`},
	} {
		if got, err := c.update(false); err != nil || got != c.want {
			t.Errorf("%s: %s, %v\nwant %s", name, got, err, c.want)
		}
	}
	if line, err := (record{"k.ns@alice", nil, metadata{EncAlgo: "a b"}}).update(false); err == nil {
		t.Errorf("no value, odd metadata: %s", line)
	}
	got, err := record{"k.ns@alice", text("v"), metadata{UpdatedAt: metadataFrom(t, shown).UpdatedAt}}.update(true)
	if want := "update:ttl:0:ttb:0:ccd:false:uAt:2024-10-25T10:00:00.000Z:aAt:2024-10-25T10:00:00.000Z:dataSignature:null:sharedKeyEnc:null:pubKeyCS:null" +
		":pubKeyHash:null:encoding:null:encKeyName:null:encAlgo:null:ivNonce:null:skeEncKeyName:null:skeEncAlgo:null:appMetadata:null:k.ns@alice v"; err != nil || got != want {
		t.Errorf("over another one: %s, %v\nwant %s", got, err, want)
	}
}
