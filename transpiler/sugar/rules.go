package sugar

import "github.com/kindling-boot/kindling/config/diag"

// Rules lists the rules of the steps.
func Rules() []*diag.Rule {
	return []*diag.Rule{
		ruleLayout, ruleMirrorLayout, ruleMirrorDevices, ruleLayoutDevice, ruleBootCex, ruleLuksMethod,
		ruleFilesDir, ruleFilesDirEscape, ruleLocalFile, ruleGrubUser, ruleMountUnit, ruleQuadletName,
		ruleQuadletInstance, ruleOneSource, ruleInlineConfig, ruleInlineVersion, ruleTreeLocal,
		ruleTreeConflict, ruleTreeEntry, ruleOneContents,
	}
}
