package host

import (
	"strings"
)

// windowsRule reads one rule of the Windows firewall, as the registry holds it ([MS-GPFAS], section 2.2.2.19), and
// returns how to show it if it concerns outgoing mail; "" if not.
func windowsRule(value string) string {
	fields := map[string]string{}
	var ports portList
	parts := strings.Split(value, "|")
	for _, part := range parts[min(len(parts), 1):] { // the first is the version
		key, v, ok := strings.Cut(part, "=")
		if !ok {
			continue
		}
		fields[key] = v
		if key == "RPort" || key == "RPort2_10" { // they may be there several times
			ports.addPorts(v)
		}
	}
	switch {
	case !strings.EqualFold(fields["Active"], "TRUE"), !strings.EqualFold(fields["Dir"], "Out"):
		return ""
	case fields["Protocol"] != "" && fields["Protocol"] != "6": // TCP
		return ""
	case len(ports.ranges) > 0 && !ports.mail():
		return ""
	case len(ports.ranges) == 0 && !blocksAll(fields):
		return ""
	}
	shown := []string{"windows: " + strings.ToLower(fields["Action"])}
	for _, key := range []string{"Name", "Profile", "Protocol", "RPort", "RPort2_10", "RA4", "RA6", "App", "Svc"} {
		if fields[key] != "" {
			shown = append(shown, key+"="+fields[key])
		}
	}
	return strings.Join(shown, " ")
}

// blocksAll reports whether a rule without ports blocks every program's connections to everywhere.
func blocksAll(fields map[string]string) bool {
	for _, limit := range []string{"App", "Svc", "AppPkgId", "RA4", "RA6", "RPort2_20", "LPort", "LPort2_10"} {
		if fields[limit] != "" {
			return false
		}
	}
	return strings.EqualFold(fields["Action"], "Block")
}
