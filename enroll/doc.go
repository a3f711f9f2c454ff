// Package enroll decides who may do what.
//
// It keeps one kind of right, the Enrollment: one app on one device with a
// status, namespace grants and a key. Everybody who acts is a Principal, and
// Registry.Authorize is the one place where "may this principal do that" is
// answered, for every door and every verb. Registry.Visible is the same rule,
// for lists.
//
// It guarantees:
//
//   - A principal other than the operator acts by an enrollment, and the state of
//     that enrollment is asked at every call. Revoked or expired means now.
//   - A grant reaches its namespace and what lies below it, nothing else. "*"
//     never reaches the reserved names, and "__manage" is a right to manage, not
//     to read data.
//   - A status changes only along the arrows of Status.Next.
//   - The bootstrap secret (CRAM) is good for one onboarding: the first login by
//     the key that it enrolled ends it for ever.
//   - Secrets are compared in constant time and kept sealed.
//
// The registry answers from an immutable snapshot that is replaced after each
// commit, so an answer costs no disk read and cannot be older than the last
// committed change.
package enroll
