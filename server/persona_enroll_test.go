package server_test

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// Personas that the owner has let in by a passcode. Their keys are of P-256.
func init() {
	for name, namespaces := range map[string]string{
		"wavi":    `"wavi":"rw"`,
		"buzz":    `"buzz":"rw"`,
		"reader":  `"wavi":"r"`,
		"clerk":   `"__manage":"r","wavi":"rw","buzz":"r"`,
		"manager": `"__manage":"rw","wavi":"rw","buzz":"r"`,
		"warden":  `"__manage":"rw"`,
		"star":    `"*":"rw"`,
		"chief":   `"*":"rw","__manage":"rw"`,
	} {
		persona := strings.NewReplacer("NAMESPACES", namespaces, "NAME", name)
		onboarding[name] = persona.Replace(`
@owner
> otp:get
< data:${otp=/[A-Z1-9]{6}/}⏎@alice@
@anon
let publicKey = public p256NAME
> enroll:request:{"appName":"NAME","deviceName":"phone","namespaces":{NAMESPACES},"otp":"${otp}","encryptedAPKAMSymmetricKey":"c3lt","apkamPublicKey":"${publicKey}","signingAlgo":"ecc_secp256r1"}
< data:{"enrollmentId":"${NAME=uuid}","status":"pending"}⏎@
@owner
> enroll:approve:{"enrollmentId":"${NAME}","encryptedDefaultEncryptionPrivateKey":"privNAME","encPrivateKeyIV":"aXYx","encryptedDefaultSelfEncryptionKey":"selfNAME"}
< data:{"status":"approved","enrollmentId":"${NAME}"}⏎@alice@
`)
		logins[name] = persona.Replace(`
> from:@alice
< data:${challenge=challenge}⏎@
let proof = sign p256NAME challenge
> pkam:signingAlgo:ecc_secp256r1:enrollmentId:${NAME}:${proof}
< data:success⏎@alice@
`)
	}
	logins["far"] = "" // nobody, elsewhere: see addressOf
}

// enrollFunctions are further functions of let:
//
//	text TEXT      TEXT with the values in it
//	lower v        v in lower case
//	member N v     the value of the member N of the JSON v, its first one, if it is a string
var enrollFunctions = map[string]func(args string, values map[string]string) (string, error){
	"text":  expand,
	"lower": func(args string, values map[string]string) (string, error) { return strings.ToLower(values[args]), nil },
	"member": func(args string, values map[string]string) (string, error) {
		name, value, _ := strings.Cut(args, " ")
		m := regexp.MustCompile(`"` + regexp.QuoteMeta(name) + `":"([^"]*)"`).FindStringSubmatch(values[value])
		if m == nil {
			return "", fmt.Errorf("%s has no member %s", value, name)
		}
		return m[1], nil
	},
}

// addressOf returns where a connection comes from: "far" from 127.0.0.2, "far2" from 127.0.0.3 and so on, "far102" from
// the same place as "far2", any other from where the system likes.
func addressOf(connection string) net.Addr {
	if persona(connection) != "far" {
		return nil
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(connection, "far"))
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+max(n%100, 1)))}
}
