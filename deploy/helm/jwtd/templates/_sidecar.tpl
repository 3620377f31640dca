{{/*
For the pods of your own chart, which lists this one as a dependency in mode `sidecar`:

  labels:              {{- include "jwtd.podLabels" .Subcharts.jwtd | nindent ... }}
  initContainers:      {{- include "jwtd.sidecar" .Subcharts.jwtd | nindent ... }}
  volumes:             {{- include "jwtd.volumes" .Subcharts.jwtd | nindent ... }}
  containers, in each:
    env:               {{- include "jwtd.env" .Subcharts.jwtd | nindent ... }}
    volumeMounts:      {{- include "jwtd.mounts" .Subcharts.jwtd | nindent ... }}
*/}}
{{- define "jwtd.sidecar" -}}
- {{ include "jwtd.container" . | nindent 2 | trim }}
  # Makes it a sidecar: it starts before the application, ends after it, and lets a Job end.
  restartPolicy: Always
  # The application starts when the keys are there. A restart would bring none, so this waits long.
  startupProbe:
    httpGet: { path: /startupz, port: jwtd-admin }
    periodSeconds: 1
    timeoutSeconds: 1
    failureThreshold: 300
{{- end }}

{{- define "jwtd.podLabels" -}}
jwtd/form: sidecar
{{- end }}

{{- define "jwtd.env" -}}
- { name: JWTD_ENDPOINT, value: "unix://{{ include "jwtd.socket" . }}" }
{{- end }}

{{- define "jwtd.mounts" -}}
# Read-only: the application can connect to the socket, and cannot put its own there.
- { name: jwtd-socket, mountPath: {{ include "jwtd.socket" . | dir }}, readOnly: true }
{{- end }}
