package verbs

import (
	"strings"
	"testing"

	"atserver/enroll"
)

// grammar has the forms of each verb. A verb without any fails TestGrammar.
var grammar = map[string][]string{
	"@exit": {"@exit"},
	"batch": {`batch:[]`, `batch:[{"id":1,"command":"update:x.wavi@alice v"},{"id":1,"command":"batch:[]"},{"id":-7,"command":"SCAN"}]`, "BATCH:[]"},
	"cram":  {"cram:37b1f098b1f1842404a3f20b1aad6ab377e9967c188e3051e0da2475fba5b752d1d04e180be67c942e98b101c8e7c3df5239802215ca7cc11f0cea00166ce835"},
	"delete": {
		"delete:x.wavi@alice", "delete:public:x@alice", "delete:@bob:x.wavi@alice", "delete:cached:public:x@bob", "delete:cached:@alice:x@bob",
		"delete:dAt:2026-10-04T10:45:00.721000Z:nc:force:priority:low:cached:public:x@bob", "delete:priority:high:x@alice", "delete:nc:x@alice",
		"delete:force:_x", "delete:privatekey:at_secret",
	},
	"config:print": {"config:print:autoNotify"},
	"config:reset": {"config:reset:timeFrameInMillis"},
	"config:set":   {"config:set:maxRequestsPerTimeFrame=7", "CONFIG:SET:inboundMaxLimit=x"},
	"stats": {
		"stats", "stats:3", "STATS:1,2,11,17,1", "stats:3:.wavi", "stats:15:a:b",
	},
	"config:block": {"config:block:show", "config:block:add:@bob @eve", "CONFIG:block:remove:@bob"},
	"enroll:approve": {
		`enroll:approve:{"enrollmentId":"root","encryptedDefaultEncryptionPrivateKey":"a","encPrivateKeyIV":"b","encryptedDefaultSelfEncryptionKey":"c","selfEncKeyIV":"d"}`,
	},
	"enroll:delete":   {`enroll:delete:{"enrollmentId":"x"}`},
	"enroll:deny":     {`enroll:deny:{"enrollmentId":"root"}`},
	"enroll:fetch":    {`enroll:fetch:{"enrollmentId":"ROOT "}`},
	"enroll:infons":   {"enroll:infons:wavi"},
	"enroll:list":     {"enroll:list", `enroll:list:{"enrollmentStatusFilter":["pending,approved","expired"]}`},
	"enroll:listns":   {"enroll:listns:wavi", "enroll:listns:__manage"},
	"enroll:revoke":   {`enroll:revoke:{"enrollmentId":"root"}`, `enroll:revoke:force:{"enrollmentId":"root"}`},
	"enroll:unrevoke": {`enroll:unrevoke:{"enrollmentId":"root"}`},
	"enroll:update":   {`enroll:update:{"enrollmentId":"root","metadata":{"a":1}}`, `enroll:update:{"enrollmentId":"root","apkamPublicKey":"04","signingAlgo":"ecc_secp256r1"}`},
	"enroll:request": {
		"enroll:request:{}", `enroll:request{"appName":"wavi"}`, "enroll:request:force:{}",
		`enroll:request:{"appName":"wavi","deviceName":"pixel","apkamPublicKey":"04","signingAlgo":"ecc_secp256r1","namespaces":{"wavi":"rw"},` +
			`"otp":"AB12CD","encryptedAPKAMSymmetricKey":"x","apkamKeysExpiryInMillis":5,"metadata":{"keyPackage":1},"apsk":{"a":1}}`,
	},
	"from": {
		"from:@alice", "from:alice", "from:@bob", "FROM:@Al.ice", `from:@alice:clientConfig:{"version":"3.3.0","clientId":"x"}`, "from:🦄",
		"from:al#ice", "from:" + strings.Repeat("a", 56),
	},
	"info":        {"info", "info:brief"},
	"keys:delete": {"keys:delete:keyName:public:x.__public_keys.__global@alice"},
	"keys:get":    {"keys:get:self", "keys:get:keyName:root.default_self_enc_key.__manage@alice", "keys:get:public:"},
	"keys:put": {
		"keys:put:public:namespace:__global:keyType:rsa2048:keyName:enc_1 v",
		"keys:put:self:namespace:__global:appName:wavi:deviceName:pixel:keyType:aes256:encryptionKeyName:e:keyName:k v", "keys:put:namespace:x:keyName:k v",
	},
	"plookup": {"plookup:x@alice", "plookup:publickey@bob", "plookup:bypassCache:true:all:x.wavi@bob", "plookup:meta:a:b@bob"},
	"pol":     {"pol", "POL"},
	"llookup": {"llookup:x@alice", "llookup:meta:public:x.wavi@alice", "llookup:all:cached:@alice:x.wavi@bob", "llookup:private:blocklist@alice", "llookup:local:x@alice"},
	"lookup":  {"lookup:x@alice", "lookup:bypassCache:true:all:x.wavi@bob", "lookup:meta:x@alice", "lookup:a@b@alice"},
	"monitor": {"monitor", "monitor .*", "MONITOR:selfNotifications:1729733000000 .wavi", "monitor:strict:selfnotifications:multiplexed:0 ^a:b$", "monitor:99999999999999999999"},
	"notify": {
		"notify:@bob:phone.wavi@alice", "notify:@alice:phone.wavi@alice:v", "notify:update:messageType:text:@alice:hello you", "NOTIFY:delete:@bob:phone@alice", "notify:@bob:phone:5",
		"notify:id:a_B-9:update:messageType:KEY:priority:HIGH:strategy:latest:latestN:3:notifier:wavi:ttln:86400000:ttl:5:ttb:0:ttr:-1:ccd:true:cAt:2026-10-04T10:45:00Z:" +
			"uAt:2026-10-04T10:45:00Z:eAt:2026-10-04T10:45:00Z:aAt:2026-10-04T10:45:00Z:dataSignature:a:sharedKeyStatus:b:isBinary:true:isEncrypted:false:sharedKeyEnc:c==:" +
			"pubKeyCS:d:pubKeyHash:e:hashingAlgo:f:encoding:g:encKeyName:h:encAlgo:i/j:ivNonce:k:skeEncKeyName:l:skeEncAlgo:m:immutable:true:appMetadata:e30=:@alice:x.wavi@alice:v",
		"notify:id:x:update:messageType:key:notifier:SYSTEM:eAtn:2026-10-04T10:45:00.000Z:eph:ttl:0:ttb:0:isEncrypted:true:@alice:phone.wavi@bob:v:w@x",
		"notify:update:ttr:-1:@alice:phone.wavi@bob:v", "notify:delete:@alice:phone.wavi@bob", "notify:@alice:public:phone@bob", "notify:public:phone@alice",
	},
	"notify:all":    {"notify:all:@bob,@carol:phone.wavi@alice:v", "notify:all:delete:messageType:text:ttl:1:ttb:2:ttr:-1:ccd:true:@alice:hi"},
	"notify:fetch":  {"notify:fetch:a-b"},
	"notify:list":   {"notify:list", "notify:list:2026-09-30", "notify:list:2026-09-30:2026-10-02:^@alice", "notify:list:.wavi", "notify:list anything: at all, as long as it is"},
	"notify:remove": {"notify:remove:a-b"},
	"notify:status": {"notify:status:a-b"},
	"to":            {"to:@alice", "to:alice", "to:@bob"},
	"noop":          {"noop:0", "noop:5000", "noop:5001", "noop:99999999999999999999"},
	"otp:get":       {"otp:get", "otp:get:ttl:60000"},
	"otp:put":       {"otp:put:HELLO_1", "otp:put:abcdef:ttl:3600000"},
	"pkam": {
		"pkam:AbC=", "pkam:signingAlgo:rsa2048:hashingAlgo:sha512:enrollmentId:root:AbC=", "pkam:signingAlgo:ecc_secp256r1:x",
		"pkam:enrollmentId:a:b:c", "pkam:hashingAlgo:md5:x",
	},
	"scan": {
		"scan", "scan .wavi", "scan:showhidden:true", "scan:showHidden:false:@alice:page:2 ^public:(?!x).*$", "scan:@bob x", "scan public:[a-z]{1,3}", "scan:cl", "scan:cl:showhidden:true .wavi",
	},
	"sync:from": {
		"sync:from:-1", "sync:from:0:limit:10", "sync:from:7:skipDeletesUntil:5", "SYNC:FROM:7:LIMIT:0:skipdeletesuntil:5:.wavi", "sync:from:-1:limit:3:^(?!x):y",
	},
	"update:meta": {
		"update:meta:x@alice", "update:meta:public:x.wavi@alice:ttl:5", "update:meta:nc:@bob:x y.wavi@alice:ttr:-1:ccd:true:isBinary:true", "UPDATE:Meta:x@alice:encoding:null",
		"update:meta:ttl@alice:ttl:0:ttb:0:eAt:2026-10-04T10:45:00Z",
	},
	"update": {
		`update:json:{"atKey":"x.wavi@alice","value":"v","metadata":{"isPublic":false,"isBinary":false,"isEncrypted":false}}`,
		`update:nc:JSON:{"atKey":"x.wavi","sharedBy":"@alice","sharedWith":"@bob","value":"a\nb","metadata":{"isPublic":false,"isBinary":true,"isEncrypted":false,` +
			`"ttl":5,"ttb":"6","ttr":null,"createdAt":"2026-10-04 10:45:00.721Z","pubKeyHash":{"hash":"h","hashingAlgo":"sha256"},"appMetadata":{"a":1},"encoding":"base64"}}`,
		"update:x.wavi@alice v", "update:public:x@alice  v ", "update:@bob:x.wavi@alice v", "update:_x v", "update:privatekey:at_pkam_publickey MIIB",
		"update:nc:ttl:5:ttb:0:ttr:-1:ccd:true:cAt:2026-10-04T10:45:00.721000Z:uAt:2026-10-04T10:45:00Z:eAt:2026-10-04T10:45:00Z:aAt:2026-10-04T10:45:00Z:" +
			"dataSignature:a:sharedKeyStatus:b:isBinary:true:isEncrypted:false:sharedKeyEnc:c==:pubKeyCS:d:pubKeyHash:e:hashingAlgo:f:encoding:g:encKeyName:h:" +
			"encAlgo:i:ivNonce:j:skeEncKeyName:k:skeEncAlgo:l:immutable:true:appMetadata:e30=:@bob:x.wavi@alice v",
		"update:public:r@alice atsign://x.buzz@alice", "update:appMetadata:null:encoding:null:x@alice v", "update:eAt:0001-01-01T00:00:00Z:x@alice v", "update:uAt:9999-12-31T23:59:59.999Z:ttl:316224000000000:x@alice v",
	},
}

// TestGrammar: each form leads to its verb, and nobody whom the verb admits is
// told that it is no command.
func TestGrammar(t *testing.T) {
	set := Standard()
	for name := range set.byName {
		if len(grammar[name]) == 0 {
			t.Errorf("%s has no forms here", name)
		}
	}
	for name, forms := range grammar {
		for _, form := range forms {
			cmd := set.Find(form)
			if cmd.Name() != name {
				t.Errorf("%s leads to %q", form, cmd.Name())
				continue
			}
			if form == "noop:5000" {
				continue // it would be waited for
			}
			w := newWorld(t, rootApp)
			for kind, a := range map[enroll.Kind]*actor{enroll.Anonymous: w.stranger(), enroll.Peer: w.peer("@bob"), enroll.CRAM: w.cram(), enroll.App: w.app("root")} {
				if sent, _ := a.exec(form); cmd.verb.Who&kind != 0 && strings.HasPrefix(sent, "error:AT0003") {
					t.Errorf("%s: %q", form, sent)
				}
			}
		}
	}
}
