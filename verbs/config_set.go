package verbs

import (
	"strings"

	"atserver/enroll"
)

// configSet changes a setting until the server ends: "config:set:name=value".
var configSet = define(
	Verb{Name: "config:set", Usage: "e.g. config:set:autoNotify=false", Who: enroll.App},
	(*line).settingName,
	rules,
	func(c *Call, assignment string) (Reply, error) {
		return c.inTesting(func() ([]byte, error) {
			name, value, found := strings.Cut(assignment, "=")
			if !found {
				return nil, wrongType("config:set takes name=value")
			}
			return ok, c.Settings.set(name, value)
		})
	},
)
