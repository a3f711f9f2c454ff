package verbs

import "atserver/enroll"

// configReset gives a setting the value that the server started with:
// "config:reset:name".
var configReset = define(
	Verb{Name: "config:reset", Usage: "e.g. config:reset:autoNotify", Who: enroll.App},
	(*line).settingName,
	rules,
	func(c *Call, name string) (Reply, error) {
		return c.inTesting(func() ([]byte, error) { return ok, c.Settings.reset(name) })
	},
)
