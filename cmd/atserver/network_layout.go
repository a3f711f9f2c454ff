package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"atserver/store/atkey"
)

// The virtual environment of the reference, in which its test suites and others' run: who is where.
const (
	veName          = "vip.ve.atsign.zone"
	veDirectoryPort = 64
	veFirstPort     = 25000
)

const (
	basePort = 6400
	maxPort  = 65535
)

var veSigns = []string{
	"@alice🛠", "@ashish🛠", "@barbara🛠", "@bob🛠", "@colin🛠", "@egbiometric🛠", "@egcovidlab🛠", "@egcreditbureau🛠",
	"@eggovagency🛠", "@emoji🦄🛠", "@eve🛠", "@jagan🛠", "@kevin🛠", "@murali🛠", "@naresh🛠", "@purnima🛠", "@sameeraja🛠",
	"@sitaram🛠", "@srie", "@sachin",
}

// layout says by which name and at which ports a network is reached: those of the atSigns follow one another. With
// first 0 any free ports will do.
func (c *networkUpCmd) layout() (name string, directory, first int, err error) {
	switch {
	case c.VirtualEnvironment:
		return cmp.Or(c.Name, veName), veDirectoryPort, veFirstPort, nil
	case c.BasePort == nil:
		directory = basePort
	case *c.BasePort < 0 || *c.BasePort > maxPort:
		return "", 0, 0, fmt.Errorf("base port %d is no port", *c.BasePort)
	default:
		directory = *c.BasePort
	}
	if directory > 0 {
		first = directory + 1
	}
	return cmp.Or(c.Name, "localhost"), directory, first, nil
}

// members says who is in the network, at which port, and with which secret.
func (c *networkUpCmd) members(first int) ([]*member, error) {
	names := c.AtSign
	if c.VirtualEnvironment && len(names) == 0 {
		names = veSigns
	}
	if len(names) == 0 {
		return nil, errors.New("no atSign given: use --atsign")
	}
	if first+len(names)-1 > maxPort {
		return nil, fmt.Errorf("there are no ports for %d atSigns from %d on", len(names), first)
	}
	signs, err := parseSigns(names)
	if err != nil {
		return nil, err
	}
	testing, err := parseSigns(c.TestingMode)
	if err != nil {
		return nil, fmt.Errorf("testing mode: %w", err)
	}
	for _, sign := range testing {
		if !slices.Contains(signs, sign) {
			return nil, fmt.Errorf("testing mode: %s is not in this network", sign)
		}
	}
	secrets, err := readSecrets(c.CRAMSecretFile, signs)
	if err != nil {
		return nil, err
	}
	var all []*member
	for i, sign := range signs {
		m := &member{sign: sign, secret: secrets[sign], testing: slices.Contains(testing, sign)}
		if first > 0 {
			m.port = first + i
		}
		all = append(all, m)
	}
	return all, nil
}

// parseSigns reads atSigns, each of which may be there once.
func parseSigns(names []string) (signs []atkey.Sign, err error) {
	for _, name := range names {
		sign, err := atkey.ParseSign(name)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		if slices.Contains(signs, sign) {
			return nil, fmt.Errorf("%s is given twice", sign)
		}
		signs = append(signs, sign)
	}
	return signs, nil
}
