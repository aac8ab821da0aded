-- A model of the same name as the package's: this team's candles are made of wax.
select 'beeswax' as material, 12 as price
