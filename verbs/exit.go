package verbs

import "atserver/enroll"

// exit ends the connection without a word.
var exit = define(
	Verb{Name: "@exit", Usage: "e.g. @exit", Bare: true, Who: enroll.Anyone, Alone: true},
	func(l *line) (struct{}, error) {
		if !l.end() {
			return struct{}{}, invalidCommand()
		}
		return struct{}{}, nil
	},
	nothing,
	func(*Call, struct{}) (Reply, error) { return Reply{Mute: true, End: true}, nil },
)
