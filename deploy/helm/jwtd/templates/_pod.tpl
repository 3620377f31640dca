{{/* What the container has in every form; the probes are added where it stands. */}}
{{- define "jwtd.container" -}}
name: jwtd
image: {{ include "jwtd.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/jwtd/jwtd.yaml]
env:
  - { name: JWTD_WORKERS, value: {{ .Values.workers | quote }} }
  - { name: JWTD_LOG, value: {{ .Values.log.filter | quote }} }
  - { name: JWTD_LOG_FORMAT, value: {{ .Values.log.format }} }
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- with include "jwtd.port" . }}
  - { name: grpc, containerPort: {{ . }} }
  {{- end }}
  - { name: jwtd-admin, containerPort: {{ include "jwtd.admin-port" . }} }
livenessProbe:
  httpGet: { path: /livez, port: jwtd-admin }
  periodSeconds: 10
  timeoutSeconds: 2
  failureThreshold: 3
resources:
  {{- if .Values.resources }}
  {{- toYaml .Values.resources | nindent 2 }}
  {{- else if eq .Values.mode "sidecar" }}
  requests: { cpu: 50m, memory: 96Mi, ephemeral-storage: 64Mi }
  limits: { memory: 96Mi, ephemeral-storage: 256Mi }
  {{- else }}
  requests: { cpu: 500m, memory: 256Mi, ephemeral-storage: 64Mi }
  limits: { memory: 256Mi, ephemeral-storage: 256Mi }
  {{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
  seccompProfile: { type: RuntimeDefault }
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  - { name: jwtd-config, mountPath: /etc/jwtd, readOnly: true }
  - { name: jwtd-state, mountPath: /var/lib/jwtd }
  {{- if eq .Values.mode "sidecar" }}
  - { name: jwtd-socket, mountPath: {{ include "jwtd.socket" . | dir }} }
  {{- end }}
  {{- if .Values.tls.secretName }}
  - { name: jwtd-tls, mountPath: /etc/jwtd-tls, readOnly: true }
  {{- end }}
  {{- if .Values.clusterIssuer }}
  - { name: jwtd-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true }
  {{- end }}
  {{- with .Values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "jwtd.volumes" -}}
- name: jwtd-config
  configMap: { name: {{ include "jwtd.name" . }} }
- name: jwtd-state
  emptyDir: { sizeLimit: 64Mi }
{{- if eq .Values.mode "sidecar" }}
- name: jwtd-socket
  emptyDir: { medium: Memory, sizeLimit: 1Mi }
{{- end }}
{{- if .Values.tls.secretName }}
- name: jwtd-tls
  secret: { secretName: {{ .Values.tls.secretName }} }
{{- end }}
{{- if .Values.clusterIssuer }}
- name: jwtd-token
  projected:
    sources:
      - serviceAccountToken: { path: token, expirationSeconds: 3600 }
      - configMap: { name: kube-root-ca.crt, items: [{ key: ca.crt, path: ca.crt }] }
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The pod of a Deployment or DaemonSet. */}}
{{- define "jwtd.pod" -}}
metadata:
  labels:
    {{- include "jwtd.selector" . | nindent 4 }}
    jwtd/form: {{ include "jwtd.form" . }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Changes only with settings that need a restart; the others jwtd takes over by itself.
    jwtd/startup-checksum: {{ include "jwtd.startup-checksum" . }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "jwtd.name" . }}
  automountServiceAccountToken: false
  # Else a Service named `jwtd` puts a dozen variables JWTD_... into the environment.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: { type: RuntimeDefault }
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints: {{ toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.mode "deployment" }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{ include "jwtd.selector" $ | nindent 10 }}
      matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
  containers:
    - {{ include "jwtd.container" . | nindent 6 | trim }}
      # No preStop hook: `drain_delay` goes on to take calls.
      readinessProbe:
        httpGet: { path: /readyz, port: jwtd-admin }
        periodSeconds: 2
        timeoutSeconds: 1
        failureThreshold: 2
  volumes: {{ include "jwtd.volumes" . | nindent 4 }}
{{- end }}
