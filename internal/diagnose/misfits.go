package diagnose

import (
	"github.com/smtptriage/smtptriage/internal/cause"
	"github.com/smtptriage/smtptriage/internal/evidence"
	"github.com/smtptriage/smtptriage/internal/provider"
)

// misfitGuidance names what is wrong about the door asked about, whatever the verdict is: it is set up wrongly even where it works
// for now. That a submission door wants credentials is no fault of the set-up: this run may only not have been given any.
func misfitGuidance(all []judged) []string {
	var out []string
	for _, j := range all {
		if j.role != evidence.RoleAsked || j.profile == provider.Generic() {
			continue
		}
		for _, m := range provider.Misfits(j.walk.Host, j.walk.Port, j.walk.Auth != nil) {
			personal := j.door.Kind == provider.Consumer && (provider.Personal(domainOf(j.walk.From)) || j.walk.Auth != nil && provider.Personal(domainOf(j.walk.Auth.User)))
			if m.Cause != cause.AuthRequired && !(personal && m.Cause == cause.WrongEndpoint && !m.Certain) {
				out = append(out, "The wrong door: "+m.What+". Use "+m.Instead+".")
			}
		}
	}
	return out
}

// retiredName: the name is gone because its host is.
func retiredName(s *scene) support {
	r, ok := provider.IsRetired(s.walk.Host)
	if !ok || !s.noAddresses() {
		return support{}
	}
	own, control := split(s.answers())
	because := append(grounds(own, isNotFound), grounds(control, isNotFound)...)
	if len(because) == 0 {
		return support{}
	}
	because = append(because, Ground{Text: s.walk.Host + " is a retired host: " + r.Why, Event: -1})
	return support{confidence: Likely, because: because, summary: s.walk.Host + " is retired. Use " + r.Instead + "."}
}
