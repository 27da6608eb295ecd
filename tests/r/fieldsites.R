# Rscript tests/r/fieldsites.R, from the project's root: writes the reference values of
# tests/test_fieldsites.py with nlme (gls with exponential correlation and nugget; lme with a random
# intercept). fieldsites_input.csv: 40 made-up sites with coordinates in degrees, two values y and z that
# are smooth in space, a cause x, and ten made-up studies.
library(nlme)
sites <- read.csv("tests/r/fieldsites_input.csv")
radius <- 6371
lon <- sites$longitude * pi / 180
lat <- sites$latitude * pi / 180
sites$east <- radius * cos(lat) * cos(lon)
sites$north <- radius * cos(lat) * sin(lon)
sites$up <- radius * sin(lat)
tight <- glsControl(tolerance = 1e-10, msTol = 1e-12, maxIter = 500)
rows <- lapply(c("y", "z"), function(name) {
  fit <- gls(
    reformulate("x", name), sites,
    correlation = corExp(c(200, 0.3), form = ~ east + north + up, nugget = TRUE), control = tight
  )
  found <- coef(fit$modelStruct$corStruct, unconstrained = FALSE)
  table <- summary(fit)$tTable
  data.frame(
    name = name, what = "gls", constant = table[1, 1], slope = table[2, 1],
    se_constant = table[1, 2], se_slope = table[2, 2], range = found[1], nugget = found[2],
    sd = fit$sigma
  )
})
mixed <- lapply(c("y", "z"), function(name) {
  fit <- lme(
    reformulate("x", name), sites,
    random = ~ 1 | study,
    control = lmeControl(tolerance = 1e-10, msTol = 1e-12)
  )
  spread <- as.numeric(VarCorr(fit)[, "Variance"])
  table <- summary(fit)$tTable
  data.frame(
    name = name, what = "lme", constant = table[1, 1], slope = table[2, 1],
    se_constant = table[1, 2], se_slope = table[2, 2], range = NA,
    nugget = spread[1] / sum(spread), sd = sqrt(sum(spread))
  )
})
options(digits = 15)
write.csv(do.call(rbind, c(rows, mixed)), "tests/r/fieldsites.csv", row.names = FALSE)
