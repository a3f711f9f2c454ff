package verbs

import "atserver/enroll"

// enrollApprove lets an app in. The approver wraps the owner's keys for it.
var enrollApprove = decision(enroll.Approve,
	func(a decisionArgs) error {
		switch {
		case a.EncryptedDefaultEncryptionPrivateKey == "":
			return illegal("encryptedDefaultEncryptionPrivateKey is mandatory for enroll:approve")
		case a.EncryptedDefaultSelfEncryptionKey == "":
			return illegal("encryptedDefaultSelfEncryptionKey is mandatory for enroll:approve")
		}
		return nil
	},
	func(c *Call, a decisionArgs) ([]byte, error) {
		return decided(enroll.Approved, a.EnrollmentID), c.Registry.Approve(c.Principal, a.EnrollmentID,
			enroll.WrappedKey{Value: a.EncryptedDefaultEncryptionPrivateKey, IV: a.EncPrivateKeyIV},
			enroll.WrappedKey{Value: a.EncryptedDefaultSelfEncryptionKey, IV: a.SelfEncKeyIV}, c.From)
	},
)
