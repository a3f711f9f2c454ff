// Package verbs is what can be said to an atServer: one file a verb, table.go
// lists them all.
//
// A verb is four steps: parse the arguments, state what the command needs to be
// allowed, run, reply. Set.Exec walks the steps, and nothing else calls run, so
// that no verb can leave one out:
//
//	name -> who may say it -> is the caller still approved -> parse -> Authorize -> run
//
// It guarantees that a command is executed for a principal who is authorized at
// that moment, by the one rule of package enroll; that a verb without a stated
// need does not start; that every error reaches the client as one line with the
// code that errors.go gives it, and its cause reaches the log only; and that no
// text of a client reaches a log.
package verbs
