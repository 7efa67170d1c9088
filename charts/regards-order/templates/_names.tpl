{{/* Names and labels. Room is left for the longest suffix, so that every name stays a DNS label. */}}
{{- define "regards-order.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "regards-order.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "regards-order.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "regards-order.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "regards-order.instance" -}}
app.kubernetes.io/name: {{ include "regards-order.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "regards-order.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "regards-order.instance" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: regards-order
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "regards-order.tenant" -}}
{{- default .Release.Namespace .Values.tenant -}}
{{- end -}}

{{- define "regards-order.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "regards-order.host" -}}
{{- (urlParse .Values.publicUrl).hostname -}}
{{- end -}}

{{- define "regards-order.claim" -}}
{{- with .Values.blobs -}}
{{- if .existingClaim -}}
{{ .existingClaim }}
{{- else if .claim.create -}}
{{ include "regards-order.fullname" $ }}-blobs
{{- end -}}
{{- end -}}
{{- end -}}
