package lab

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/smtptriage/smtptriage/internal/cause"
)

// A Confidence is how firmly a verdict is given, in the words of the report.
type Confidence string

// The confidences, weakest first.
const (
	Possible Confidence = "possible"
	Likely   Confidence = "likely"
	Proven   Confidence = "proven"
)

var confidences = []Confidence{Possible, Likely, Proven}

// A Verdict is a step and the cause named for it.
type Verdict struct {
	Step  cause.Step
	Cause cause.ID
}

func (v Verdict) String() string { return string(v.Step) + " / " + string(v.Cause) }

// Want is what a client must find out about the server of a case.
type Want struct {
	Verdict            // the best answer
	Or       []Verdict // others that the evidence admits too
	AtLeast  Confidence
	AtMost   Confidence
	Exit     int  // 0, 1 or 3; 0 for healthy servers and 3 for undetermined, unless the case says otherwise
	exitSaid bool // the case gives it
}

// Accepts reports whether the verdict is right, or admitted beside the right one.
func (w Want) Accepts(v Verdict) bool { return v == w.Verdict || slices.Contains(w.Or, v) }

// AcceptsConfidence reports whether a verdict may be given that firmly.
func (w Want) AcceptsConfidence(c Confidence) bool {
	i := slices.Index(confidences, c)
	return i >= slices.Index(confidences, w.AtLeast) && i <= slices.Index(confidences, w.AtMost)
}

// parseWant reads lines of these forms:
//
//	verdict STEP CAUSE          the verdict wanted
//	or STEP CAUSE               another that is right as well
//	confidence LEAST [MOST]     as firm as this; default: possible to proven
//	exit N                      default: what follows from the cause
func parseWant(src source) (Want, error) {
	w := Want{AtLeast: Possible, AtMost: Proven}
	for i, line := range src.lines() {
		if blankOrComment(line) {
			continue
		}
		if err := w.read(strings.Fields(line)); err != nil {
			return Want{}, src.errorf(i, "%v", err)
		}
	}
	if !w.exitSaid {
		w.Exit = exitOf(w.Cause)
	}
	return w, nil
}

func (w *Want) read(f []string) (err error) {
	switch word, args := f[0], f[1:]; word {
	case "verdict":
		w.Verdict, err = parseVerdict(args)
	case "or":
		var v Verdict
		v, err = parseVerdict(args)
		w.Or = append(w.Or, v)
	case "confidence":
		w.AtLeast, w.AtMost, err = parseConfidence(args)
	case "exit":
		w.exitSaid = true
		if w.Exit, err = strconv.Atoi(strings.Join(args, " ")); err != nil || w.Exit < 0 || w.Exit > 3 {
			err = fmt.Errorf("exit %s: want 0 to 3", strings.Join(args, " "))
		}
	default:
		err = fmt.Errorf("unknown word %q: want verdict, or, confidence or exit", word)
	}
	return err
}

func parseVerdict(args []string) (v Verdict, err error) {
	if len(args) != 2 {
		return v, fmt.Errorf("want STEP CAUSE, got %q", strings.Join(args, " "))
	}
	v.Step = cause.Step(args[0])
	if v.Step.Index() < 0 && v.Step != cause.None {
		return v, fmt.Errorf("no step named %q", args[0])
	}
	return v, v.Cause.UnmarshalText([]byte(args[1]))
}

func parseConfidence(args []string) (least, most Confidence, err error) {
	if len(args) < 1 || len(args) > 2 {
		return "", "", fmt.Errorf("want confidence LEAST [MOST], got %q", strings.Join(args, " "))
	}
	least, most = Confidence(args[0]), Proven
	if len(args) == 2 {
		most = Confidence(args[1])
	}
	i, j := slices.Index(confidences, least), slices.Index(confidences, most)
	if i < 0 || j < i {
		return "", "", fmt.Errorf("confidence %s: want possible, likely or proven, the weaker first", strings.Join(args, " "))
	}
	return least, most, nil
}

func exitOf(id cause.ID) int {
	switch id {
	case cause.Accepted, cause.AcceptedNotProven:
		return 0
	case cause.Undetermined:
		return 3
	}
	return 1
}
