package verbs

import "atserver/enroll"

// configPrint shows a setting: "config:print:name".
var configPrint = define(
	Verb{Name: "config:print", Usage: "e.g. config:print:autoNotify", Who: enroll.App},
	(*line).settingName,
	rules,
	func(c *Call, name string) (Reply, error) {
		return c.inTesting(func() ([]byte, error) {
			value, err := c.Settings.show(name)
			return []byte(value), err
		})
	},
)
