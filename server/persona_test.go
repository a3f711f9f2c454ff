package server_test

import "strings"

// persona returns who opens a connection of this name.
func persona(connection string) string { return strings.TrimRight(connection, "0123456789") }

// onboarding is what a persona does once for each server, before its first login, on a connection of its own.
var onboarding = map[string]string{
	"owner": `
@cram
let publicKey = public owner
> enroll:request:{"appName":"first","deviceName":"phone","apkamPublicKey":"${publicKey}"}
< data:{"enrollmentId":"${owner=uuid}","status":"approved"}⏎@alice@
`,
	"legacy": `
@cram
let publicKey = public owner
> update:privatekey:at_pkam_publickey ${publicKey}
< data:-1⏎@alice@
`,
}

// logins is what personas say first on each connection.
var logins = map[string]string{
	"anon": "",
	"cram": `
> from:@alice
< data:${challenge=challenge}⏎@
let proof = digest challenge
> cram:${proof}
< data:success⏎@alice@
`,
	"owner": `
> from:@alice
< data:${challenge=challenge}⏎@
let proof = sign owner challenge
> pkam:signingAlgo:rsa2048:hashingAlgo:sha256:enrollmentId:${owner}:${proof}
< data:success⏎@alice@
`,
	"legacy": `
> from:@alice
< data:${challenge=challenge}⏎@
let proof = sign owner challenge
> pkam:${proof}
< data:success⏎@alice@
`,
}
