# Stands in for rabbitmq:4.0-management-alpine where no image can be pulled: Debian's RabbitMQ 4.0, honouring the same variables.
FROM debian:13-slim
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d \
    && apt-get update && apt-get install -y --no-install-recommends rabbitmq-server && rm -rf /var/lib/apt/lists/* \
    && rm -f /etc/rabbitmq/rabbitmq-env.conf && echo '[rabbitmq_management].' >/etc/rabbitmq/enabled_plugins
COPY rabbitmq-entrypoint /usr/local/bin/
VOLUME /var/lib/rabbitmq
ENTRYPOINT ["rabbitmq-entrypoint"]
