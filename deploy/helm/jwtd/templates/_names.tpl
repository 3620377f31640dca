{{- define "jwtd.name" -}}
{{- $full := contains .Chart.Name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) }}
{{- $full | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "jwtd.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "jwtd.labels" -}}
{{ include "jwtd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The word on pods that have jwtd in them, as in the kustomizations. */}}
{{- define "jwtd.form" -}}
{{- get (dict "sidecar" "sidecar" "daemonset" "node" "deployment" "shared") .Values.mode }}
{{- end }}

{{- define "jwtd.image" -}}
{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* A file that deploy/helm/package adds: (list . NAME). */}}
{{- define "jwtd.packaged" -}}
{{- $root := first . -}}
{{- $file := printf "files/%s" (last .) -}}
{{- $root.Files.Get $file | required (printf "%s.enabled: this chart has no %s, because it is the folder of a checkout. fix: run deploy/helm/package and install what it makes" (ternary "dashboard" "prometheusRule" (hasSuffix ".json" $file)) $file) -}}
{{- end }}
