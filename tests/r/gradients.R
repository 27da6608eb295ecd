# Rscript tests/r/gradients.R, from the project's root: writes the reference values of
# tests/test_gradients.py with R's own lm, cor.test and AIC. gradients_input.csv: 30 sites with a
# noisy line, a noisy peak and pure noise.
sites <- read.csv("tests/r/gradients_input.csv")
km <- (sites$elevation - mean(sites$elevation)) / 1000
aicc <- function(fit) {
  k <- attr(logLik(fit), "df")
  AIC(fit) + 2 * k * (k + 1) / (nobs(fit) - k - 1)
}
rows <- lapply(c("line", "peak", "noise"), function(name) {
  y <- sites[[name]]
  line <- lm(y ~ km)
  parabola <- lm(y ~ km + I(km^2))
  correlation <- cor.test(km, y, conf.level = 0.9)
  b <- coef(parabola)
  end_t <- sapply(range(km), function(end) {
    direction <- c(0, 1, 2 * end)
    sum(direction * b) / sqrt(drop(t(direction) %*% vcov(parabola) %*% direction))
  })
  rising <- pt(end_t, df.residual(parabola), lower.tail = FALSE)
  data.frame(
    factor = name, n = nobs(line),
    slope = coef(line)[2],
    slope_low = confint(line, level = 0.9)[2, 1],
    slope_high = confint(line, level = 0.9)[2, 2],
    r = correlation$estimate, r_low = correlation$conf.int[1], r_high = correlation$conf.int[2],
    p = summary(line)$coefficients[2, 4],
    delta_aicc = aicc(line) - aicc(parabola),
    p_curvature = summary(parabola)$coefficients[3, 4],
    p_peak = max(rising[1], 1 - rising[2]), p_dip = max(1 - rising[1], rising[2])
  )
})
options(digits = 15)
write.csv(do.call(rbind, rows), "tests/r/gradients.csv", row.names = FALSE)
