package cause

import (
	"fmt"
	"strings"
)

// A box is one box of the picture, its lines as they are read.
type box struct {
	name  string // an identifier in both languages
	kind  string // step, causes, actions, outcome or advice
	lines []string
}

// An arrow leads from one box to another.
type arrow struct{ from, to, label string }

// aside reports whether a leads out of the column of steps, to a box beside it.
func (a arrow) aside() bool { return a.label == "fails" || a.label == "do" }

// graph lays the tree out once for both picture languages: a column of steps, each with its causes and, beyond
// those, what to do; below them what holds whatever the step.
func graph() (boxes []box, arrows []arrow) {
	previous := ""
	for _, n := range Nodes() {
		step := strings.ReplaceAll(string(n.Step), "-", "_") + "_step"
		causes, actions := step+"_causes", step+"_actions"
		boxes = append(boxes,
			box{step, "step", append([]string{n.Label() + ": " + n.Title}, labelled("Test: ", "Expected: ", n)...)},
			box{causes, "causes", causeLines(n)},
			box{actions, "actions", n.Actions},
		)
		if previous != "" {
			arrows = append(arrows, arrow{previous, step, "passes"})
		}
		arrows = append(arrows, arrow{step, causes, "fails"}, arrow{causes, actions, "do"})
		previous = step
	}
	end := []string{"No step failed"}
	for _, c := range Outcomes() {
		end = append(end, string(c.ID)+": "+c.Meaning)
	}
	boxes = append(boxes,
		box{"no_step_failed", "outcome", end},
		box{"patterns", "advice", patternLines()},
		box{"guidance", "advice", guidanceLines()},
		box{"artifacts", "advice", artifactLines()},
	)
	arrows = append(arrows,
		arrow{previous, "no_step_failed", "passes"},
		arrow{"no_step_failed", "patterns", "compare"},
		arrow{"patterns", "guidance", "choose"},
		arrow{"guidance", "artifacts", "collect"},
	)
	return boxes, arrows
}

func labelled(test, expected string, n Node) []string {
	var lines []string
	for _, t := range n.Tests {
		lines = append(lines, test+t)
	}
	for _, e := range n.Expected {
		lines = append(lines, expected+e)
	}
	return lines
}

func causeLines(n Node) []string {
	var lines []string
	for _, c := range n.Causes() {
		lines = append(lines, string(c.ID))
	}
	if len(n.Also) > 0 {
		lines = append(lines, "also: "+join(n.Also))
	}
	for _, e := range n.CommonErrors {
		lines = append(lines, "Often seen: "+e)
	}
	return lines
}

func patternLines() []string {
	lines := []string{"Patterns across doors and clients"}
	for _, p := range Patterns() {
		lines = append(lines, p.Title+": "+strings.Join(p.Meaning, " "))
	}
	return lines
}

func guidanceLines() []string {
	lines := []string{"Guidance"}
	for _, a := range Guidance() {
		lines = append(lines, a.When+": "+a.Text)
	}
	return lines
}

func artifactLines() []string {
	lines := []string{"To collect before the case is handed on"}
	for _, a := range Artifacts() {
		lines = append(lines, a.What+". "+a.How)
	}
	return lines
}

// mermaidEscapes writes the characters that end or alter a quoted label as Mermaid's entity codes.
var mermaidEscapes = strings.NewReplacer("#", "#35;", `"`, "#quot;", "&", "#amp;", "<", "#lt;", ">", "#gt;", "`", "#96;")

// treeMermaid prints the tree as a Mermaid flowchart.
func treeMermaid() string {
	boxes, arrows := graph()
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	for _, x := range boxes {
		var lines []string
		for _, l := range x.lines {
			lines = append(lines, mermaidEscapes.Replace(l))
		}
		fmt.Fprintf(&b, "  %s[\"%s\"]:::%s\n", x.name, strings.Join(lines, "<br/>"), x.kind)
	}
	for _, a := range arrows {
		fmt.Fprintf(&b, "  %s -->|%s| %s\n", a.from, a.label, a.to)
	}
	for _, s := range styles {
		fmt.Fprintf(&b, "  classDef %s fill:%s,stroke:#444,color:#111,text-align:left\n", s.kind, s.fill)
	}
	return b.String()
}

var dotEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// treeDOT prints the tree in the language of Graphviz.
func treeDOT() string {
	boxes, arrows := graph()
	var b strings.Builder
	b.WriteString("digraph smtptriage {\n")
	b.WriteString("  rankdir=TB;\n")
	b.WriteString("  node [shape=box, style=\"filled,rounded\", fontname=\"Helvetica\", fontsize=10];\n")
	b.WriteString("  edge [fontname=\"Helvetica\", fontsize=10];\n")
	for _, x := range boxes {
		fmt.Fprintf(&b, "  %s [fillcolor=\"%s\", label=\"%s\"];\n", x.name, fillOf(x.kind), dotLabel(x.lines))
	}
	for _, a := range arrows {
		fmt.Fprintf(&b, "  %s -> %s [label=\"%s\"];\n", a.from, a.to, a.label)
		if a.aside() {
			fmt.Fprintf(&b, "  { rank=same; %s; %s; }\n", a.from, a.to)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// dotLabel breaks long lines, because Graphviz does not, and ends each with the escape that sets it to the left.
func dotLabel(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		for part := range strings.Lines(wrap(l, "", "  ", 56)) {
			b.WriteString(dotEscapes.Replace(strings.TrimSuffix(part, "\n")) + `\l`)
		}
	}
	return b.String()
}

// styles are the fills of the kinds of box.
var styles = []struct{ kind, fill string }{
	{"step", "#dbe9f9"},
	{"causes", "#fbe3d6"},
	{"actions", "#e2f0d9"},
	{"outcome", "#eeeeee"},
	{"advice", "#fff6d6"},
}

func fillOf(kind string) string {
	for _, s := range styles {
		if s.kind == kind {
			return s.fill
		}
	}
	return "white"
}
